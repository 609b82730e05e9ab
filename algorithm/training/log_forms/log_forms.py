"""The forms of a log by the value of `log_form`."""

from __future__ import annotations

from algorithm.training.log_forms.own_form import OwnForm
from algorithm.training.log_forms.torchvision_form import ReferencesForm
from algorithm.training.log_forms.tutorial_form import TutorialForm

FORMS: dict[str, type] = {"": OwnForm, "tutorial": TutorialForm, "torchvision": ReferencesForm}
