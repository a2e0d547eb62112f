"""The console: pages and live events for seats, reviewers, managers and administrators, and the browser phone.

It is one FastAPI application, served by the `hotline http` process. What it knows it reads from the database; what
happens on telephones it asks of the worker that carries the call. The house:

    app       builds the application: areas, security headers, errors
    parts     what pages work with (`ConsoleParts`), as a dependency: `parts: Parts`
    access    who asks (`Visitor`), by session cookie or API token; `require("manager")` as a dependency; CSRF
    area      `Area`, what one area of the console brings; `AREAS` in `areas` lists them
    pages     `render(request, visitor, "board/board.html", …)`: templates with texts, formats and navigation
    texts     texts in each language, side by side in `texts/*.yaml` and `AREA/texts/*.yaml`; `t("board.title")`
    formats   moments, spans, money and numbers as people read them
    listing   every list: search, paging, CSV (`Listing`, `csv_reply`)
    events    `/events`: server-sent nudges; `static/live.js` reads the parts of a page again that have
              `data-live="call seat" data-url="/board/calls"`

An area is a package with `AREA = Area(…)` in its `__init__`, routers in `pages` (HTML) and `api` (JSON under /api),
`templates/AREA/*.html` extending `base.html`, `texts/AREA.yaml`, and `static/` served under `/static/AREA/`. A page
works without scripts as far as it can: forms are forms; htmx (`hx-post`, `hx-target`) makes them smooth.
"""
