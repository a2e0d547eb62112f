// The suggestion beside a call: the seat says how far it came, or sends the caller on to a specialist. What is unfolded
// stays so when the page reads itself again.

import { api } from "./http.js";

const KEPT = "[data-keep]";

export class Hint {
  constructor({ attempt, open }) {
    this.attempt = attempt;
    this.open = open;
    this.unfolded = new Set();
    this.referring = "";
    this.sold = document.getElementById("dialog-sold");
    this.transfer = document.getElementById("dialog-transfer");
    document.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("toggle", (event) => this.toggled(event.target), true);
    this.sold.addEventListener("close", () => this.isSold());
    this.transfer.addEventListener("close", () => setTimeout(() => { this.referring = ""; }, 0));
  }

  get card() {
    return document.getElementById("seat-hint");
  }

  clicked(event) {
    const unfold = event.target.closest(`${KEPT} > summary`);
    if (unfold) this.user = unfold.parentElement;
    const button = event.target.closest("button");
    if (!button) return;
    const wish = button.dataset.hint;
    if (wish === "sold") this.ask();
    else if (wish === "refer") this.refer();
    else if (wish) this.tell(this.card.dataset.referral, { state: wish });
    else if (this.referring && (button.dataset.send || button.dataset.ask)) this.sends(button.dataset.to ?? button.dataset.ask);
  }

  tell(referral, body) {
    return this.attempt(() => api("POST", `/referrals/${encodeURIComponent(referral)}`, body));
  }

  ask() {
    this.sold.dataset.referral = this.card.dataset.referral;
    this.sold.querySelector("form").reset();
    this.sold.showModal();
  }

  isSold() {
    const { policy, premium } = this.sold.querySelector("form").elements;
    if (this.sold.returnValue === "go") this.tell(this.sold.dataset.referral, { state: "sold", policy: policy.value.trim(), premium: premium.value.trim() });
    this.sold.returnValue = "";
  }

  // The dialog of every transfer, narrowed to the queue of those who may sell it.
  async refer() {
    const { referral, queue } = this.card.dataset;
    await this.open("transfer");
    this.referring = referral;
    const find = document.getElementById("transfer-find");
    find.value = queue;
    find.dispatchEvent(new Event("input"));
  }

  sends(to) {
    const referral = this.referring;
    this.referring = "";
    api("POST", `/referrals/${encodeURIComponent(referral)}/refer`, { to }).catch(() => {}); // the caller goes on in any case
  }

  // The page is read again without what was unfolded: only the person folds.
  toggled(details) {
    if (!details.matches?.(KEPT)) return;
    const { keep } = details.dataset;
    if (details.open) this.unfolded.add(keep);
    else if (this.user === details) this.unfolded.delete(keep);
    else if (this.unfolded.has(keep)) details.open = true;
    this.user = null;
  }

  changed(call) {
    if (call !== this.call) this.unfolded.clear();
    this.call = call;
  }
}
