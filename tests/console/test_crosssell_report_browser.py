"""The proof report in a real browser, at a desk and on a telephone."""

from __future__ import annotations

from proof_kit import run_experiment, watch

from tests.console.console_kit import axe


def test_the_report_is_accessible_and_drawn_at_a_desk_and_on_a_telephone(browse, served) -> None:
    served.run(run_experiment(served.parts.database))
    watch(served.folder / "models" / "cross_sell")
    for width, language in ((1280, "zh-CN"), (390, "en")):
        page = browse("mei", "/crosssell/report", width=width, language=language)
        page.wait_for_selector("[data-course][data-drawn]")
        for view, chart in (("proof", "[data-course]"), ("products", ""), ("funnel", "[data-funnel]"),
                            ("incentives", ""), ("fairness", ""), ("drift", "[data-intercepts]")):  # fmt: skip
            page.goto(f"{served.url}/crosssell/report?view={view}")
            page.wait_for_selector(f"{chart}[data-drawn]" if chart else "table")
            assert axe(page) == [], view
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view
    page.goto(served.url + "/crosssell/report/definitions")
    assert axe(page) == []
