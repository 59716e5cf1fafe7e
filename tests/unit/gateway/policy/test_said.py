"""Every rule and every value of it has its sentence, and nothing else has."""

import pytest

from gateway.policy.rule import EVERYBODY, FACTORY, Scope, check
from gateway.policy.said import QUESTIONS
from mx_core.model.errors import BadPolicy


def test_each_value_that_a_rule_takes_is_said_and_the_factorys_stands_first() -> None:
    assert list(QUESTIONS) == list(FACTORY)
    for name, question in QUESTIONS.items():
        assert next(iter(question.answers)) == FACTORY[name]
        for value in question.answers:
            check(EVERYBODY, name, value)
        with pytest.raises(BadPolicy) as told:
            check(EVERYBODY, name, "no such value")
        listed = str(told.value).partition(": ")[2].partition(";")[0].split(", ")
        assert listed == list(question.answers)


def test_what_is_asked_of_each_person_can_be_said_of_one() -> None:
    for name, question in QUESTIONS.items():
        try:
            check(Scope("b.example"), name, FACTORY[name])
            of_one = True
        except BadPolicy:
            of_one = False
        assert of_one is question.each
