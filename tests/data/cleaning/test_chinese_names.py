"""Pages name every rule and action of cleaning in Chinese too."""

from __future__ import annotations

from algorithm.data.cleaning import findings
from algorithm.data.cleaning.leakage import ALIKE
from algorithm.data.cleaning.report.chinese_names import CHINESE, in_both
from algorithm.data.cleaning.rules.box_rules import BOX_RULES
from algorithm.data.cleaning.rules.entry_check import UNUSABLE
from algorithm.data.cleaning.rules.picture_rules import PICTURE_RULES


def test_every_rule_and_action_has_a_chinese_name() -> None:
    constants = [text for text in vars(findings).values() if isinstance(text, str)]
    names = [text for text in constants if text.islower() and "\n" not in text and "." not in text]
    assert findings.LEFT_OUT in names and findings.COPIED in names
    names += [rule.name for rule in BOX_RULES]
    for rule in PICTURE_RULES:
        names += [rule.name, rule.as_read, rule.as_written]
    missing = {*names, findings.LEAKED, ALIKE, UNUSABLE} - set(CHINESE)
    assert not missing
    assert in_both("too thin") == ("too thin", "过窄")
    assert in_both("new rule") == ("new rule", "new rule")
