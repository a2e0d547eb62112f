"""What callers hear: the prompt catalogue, spoken values, clips, and the voice that renders them ahead of time.

`PromptCatalogue` holds the texts, `Speaker` turns phrases into clips during a call, `build` and `check` keep
the clips in step with the texts. `docs/prompts.md` is the reader's page of the same.
"""

