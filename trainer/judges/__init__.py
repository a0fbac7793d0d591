"""Judges: models that say how good what was answered is, before it trains.

A judge is a model at some place that speaks OpenAI's or Anthropic's dialect. It is asked one
question at a time: rate this turn, say whether this step helped, say what next time should be done
differently, or which of two replies is better. What it is shown is data between marks drawn for
that request, and what it answers counts only when it is what was asked for; nothing is ever made up
in its place. A judge votes once it has told planted good turns from planted bad ones.

Hired judges come first. A local one judges beside them once the house is good enough, and takes
over when the two agree (`trainer.judges.phases`). All answers are kept in one file
(`trainer.judges.ledger`), what was paid for them too, and every verdict is weighed from it anew.
"""
