"""That cross-selling pays, shown so that a sceptical actuary accepts it.

trial        people once each, in the order of their coming, with arm, logged chances, and what they bought after
uplift       what offering changes: those offered against those held out
sequential   intervals and evidence that stay valid however often one looks
policies     what would have come of offering otherwise (inverse propensity, doubly robust); each product by itself
fairness     who is offered and sold what, by age band and sex
incentives   what seats, products and scripts brought
estimates    figures with their intervals
"""
