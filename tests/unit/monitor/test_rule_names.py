"""Rules that name what is not there are refused."""

from pathlib import Path

import pytest

from alerts.rules import RuleFile
from monitor.failures import UsageError
from monitor.rule_names import check_names


def critical_file(**fields: object) -> RuleFile:
    return RuleFile.model_validate({"rules": [{"name": "a", "detector": "critical", **fields}]})


def rule_file(dimension: str, **fields: object) -> RuleFile:
    rule = {"name": "a", "detector": "surge", "dimension": dimension, "baseline": "14d", **fields}
    return RuleFile.model_validate({"rules": [rule]})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            rule_file("topic", channels=["slakc"]),
            r"rules.yaml: rule 'a': 'slakc' is no channel \(did you mean 'slack'\?\)",
        ),
        (rule_file("topic", keys=["credt"]), r"no topic \(did you mean 'credit'\?\)"),
        (rule_file("topic", except_keys=["weather"]), r"'weather' is no topic"),
        (
            RuleFile.model_validate(
                {
                    "rules": [
                        {
                            "name": "a",
                            "detector": "divergence",
                            "dimension": "entity",
                            "against": ["Acme", "Bolt"],
                        }
                    ]
                }
            ),
            "'Bolt' is no company",
        ),
        (critical_file(topics=["lagal"]), r"'lagal' is no topic \(did you mean 'legal'\?\)"),
        (rule_file("entity", keys=["Acm"]), r"no company of the watchlist .*'Acme'"),
        (rule_file("theme", keys=["Irak"]), r"no theme of the watchlist .*'Iran'"),
    ],
)
def test_a_misspelt_name_is_told(rules: RuleFile, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_names(Path("rules.yaml"), rules, ["slack"], ["Acme"], ["Iran"])


def test_names_that_exist_and_names_that_come_with_the_news_pass() -> None:
    for rules in (
        rule_file("topic", keys=["credit"], channels=["slack"]),
        rule_file("entity", keys=["Acme"]),
        rule_file("theme", keys=["Iran"]),
        critical_file(topics=["legal"], keys="Acme"),
        rule_file("source", keys=["Any Wire"]),
    ):
        check_names(Path("rules.yaml"), rules, ["slack"], ["Acme"], ["Iran"])
