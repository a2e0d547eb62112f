"""Setting Twilio up: what is wrong is told in one line, and the number is made to ring here."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ivr.cli.twilio import _connect, _problems, app
from ivr.errors import SettingError
from ivr.lines.twilio.access import TwilioAccess, access_of, check_installed
from ivr.settings import Settings, load_settings
from ivr.testing.twilio import FakeTwilio

GOOD = {
    "public_url": "https://hotline.example.com/",
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": "a token",
    "twilio_number": "+14155550100",
}


def access(twilio: FakeTwilio) -> TwilioAccess:
    found = access_of(Settings(_env_file=None, **twilio.settings))  # type: ignore[arg-type, call-arg]
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"twilio_account_sid": "AC1"}, "HOTLINE_TWILIO_ACCOUNT_SID"),
        ({"twilio_auth_token": ""}, "HOTLINE_TWILIO_AUTH_TOKEN"),
        ({"twilio_number": "4155550100"}, "HOTLINE_TWILIO_NUMBER"),
        ({"public_url": ""}, "HOTLINE_PUBLIC_URL"),
        ({"public_url": "http://hotline.example.com"}, "https"),
        ({"public_url": "hotline.example.com"}, "HOTLINE_PUBLIC_URL"),
        ({"twilio_api": "nowhere"}, "HOTLINE_TWILIO_API"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_one_line_without_the_token(
    change: dict[str, str], told: str
) -> None:
    with pytest.raises(SettingError) as error:
        load_settings(**{**GOOD, **change})
    assert told in str(error.value)
    assert "a token" not in str(error.value)
    assert "\n" not in str(error.value)


def test_good_settings_give_the_addresses_that_twilio_is_told() -> None:
    found = access_of(load_settings(**GOOD))
    assert found is not None
    assert found.url("/twilio/voice") == "https://hotline.example.com/twilio/voice"
    assert found.stream_url == "wss://hotline.example.com/twilio/stream"
    assert "a token" not in repr(found)
    assert access_of(load_settings()) is None


def test_a_missing_package_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"H111 .*pip install 'insurance-hotline\[twilio\]'"):
        check_installed(load_settings(**GOOD))
    check_installed(load_settings())


async def test_the_check_says_what_is_wrong_with_the_account_and_connecting_puts_the_number_right() -> None:
    async with FakeTwilio("http://127.0.0.1:9") as twilio:
        good = access(twilio)
        assert await _problems(good) == []
        twilio.voice_url = "https://demo.twilio.com/welcome/voice/"
        (told,) = await _problems(good)
        assert "hotline twilio connect" in told
        await _connect(good, "https://other.example.com/fallback.xml")
        assert await _problems(good) == []
        assert twilio.fallback_url == "https://other.example.com/fallback.xml"
        assert "HOTLINE_TWILIO_NUMBER" in (await _problems(replace(good, number="+14155550999")))[0]
        assert "token" in (await _problems(replace(good, token="wrong")))[0]
        twilio.faults.account = (403, 20005)
        assert "20005" in (await _problems(good))[0]


def test_the_fallback_is_two_files_that_need_nothing_of_ours(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["fallback", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    document = ElementTree.parse(tmp_path / "out" / "fallback.xml").getroot()
    record = document.find("Record")
    assert record is not None
    assert (record.get("action"), record.get("method"), record.get("recordingStatusCallback")) == (
        "thanks.xml", "GET", None,
    )  # fmt: skip
    assert {one.get("language") for one in document.findall("Say")} == {"zh-CN", "en-US"}
    assert ElementTree.parse(tmp_path / "out" / "thanks.xml").getroot().find("Hangup") is not None
