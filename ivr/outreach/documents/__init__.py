"""Documents for policyholders: made as PDF in their language, sent as they choose, read behind a link.

texts, words   what documents and messages say, in each language
letter         what a document consists of, without how it looks
contents       each kind of document from what the database knows
layout         a letter on paper
making         `DocumentMaker`: a document's PDF, made once and kept
messages       what a short message or mail says, and where its link leads
mail           mail over SMTP
sender         takes messages from the outbox and sends them
papers         what policyholders send in: checked, cleaned
"""
