"""The page in a real browser: a link followed, a chart drawn, nothing wider than a phone."""

import asyncio
import shutil
import threading
import time

import pytest

from headway_protocol import cbor, incident, service
from headway_server.cohorts.epochs import close_epoch
from headway_server.service import serve
from headway_server.settings import ServerSettings

pytestmark = pytest.mark.full

_NEEDS = (
    "this test needs a browser, its driver and selenium: apt install chromium chromium-driver; pip install selenium"
)


@pytest.fixture
def browser(tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        missing = "the browser" if chromium is None else "`chromedriver`"
        pytest.fail(f"{missing} is not on the path; {_NEEDS}")
    try:
        from selenium import webdriver
    except ImportError:
        pytest.fail(f"selenium is not installed; {_NEEDS}")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"),
        *("disable-background-networking", "disable-component-update", f"user-data-dir={tmp_path / 'profile'}"),
    ):
        options.add_argument(f"--{argument}")
    one = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield one
    one.quit()


@pytest.fixture
def page_url(database_url, open_store, make):
    """A server with a fleet of 22 in it, in a thread of its own."""
    yield from _served(database_url, open_store, make, trips=3)


@pytest.fixture
def scored_url(database_url, open_store, make):
    """The same with enough trips to compare them."""
    yield from _served(database_url, open_store, make, trips=6)


@pytest.fixture
def followed_url(database_url, open_store, make):
    """The same with one who drives further each month."""
    months = [make.trip(2, 1 + i, km=10 + i, wall_ms=1_670_000_000_000 + i * 2_629_800_000) for i in range(11)]
    yield from _served(database_url, open_store, make, 3, [make.up(trip, "depot/car-003") for trip in months])


@pytest.fixture
def troubled_url(database_url, open_store, make):
    """The same with devices that somebody should look at."""
    card, gap, disk = "depot/car-001", "depot/car-002", "depot/car-004"
    messages = [
        *(make.up(make.trip(1, 2, km=60 + n), card) for n in range(3)),
        make.up(make.trip(1, 40), gap),
        make.up(make.birth(9), gap),
        make.up(make.loss(1, 5, 1, 6, 11, "storage full: the oldest records had to go"), disk),
        make.up(cbor.encode([1, 2, 1, 12, -5, None, 0, []]), disk),
    ]
    yield from _served(database_url, open_store, make, 3, messages, now_ms=time.time_ns() // 1_000_000)


def _served(database_url, open_store, make, trips, more=(), now_ms=None):
    async def fill():
        store = await open_store(database_url)
        store.now_ms = now_ms or store.now_ms
        await store.commit(*make.fleet(22, trips=trips), *make.fleet(3, vehicle_class="bus", prefix="bus"), *more)
        await close_epoch(store.database, store.processes, 10, 1_700_000_000_000)
        driver = "depot/car-003"
        change = [next(c.id for c in make.process.period if c.key == "idle_share_pct"), 1, 7, 62, 29, -1, -1]
        await store.commit(
            make.up(make.incident(1, 20, incident.CHANGE, change, pack_id=make.pack_id), driver),
            make.up(make.incident(1, 21, incident.WARNING_CODE, [17, 3, 30], severity=3), driver),
            make.up(make.incident(1, 22, incident.CLOCK_JUMP, [9000], severity=2, ago_ms=7_200_000), driver),
            make.up(make.incident(1, 23, incident.CLOCK_JUMP, closes=(1, 22)), driver),
            make.up(make.service(1, 24, service.REFUELLED, odometer_km=84_210, millilitres=41_500), driver),
        )
        await store.database.close()

    asyncio.run(fill())
    ready, urls, parts = threading.Event(), [], {}

    async def run():
        parts["loop"], parts["stop"] = asyncio.get_running_loop(), asyncio.Event()
        settings = ServerSettings(
            database_url=database_url, embedded_broker=True, broker_port=0, http_port=0, epoch_days=0
        )
        await serve(settings, lambda url: (urls.append(url), ready.set()), parts["stop"])

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(15)
    yield urls[0]
    parts["loop"].call_soon_threadsafe(parts["stop"].set)
    thread.join(15)
    assert not thread.is_alive()


def chart_is_drawn(browser, name="chart"):
    from selenium.webdriver.support.ui import WebDriverWait

    image = browser.find_element("id", name)
    WebDriverWait(browser, 10).until(lambda b: b.execute_script("return arguments[0].complete", image))
    return browser.execute_script("return arguments[0].naturalWidth", image) > 300 and image.is_displayed()


def test_a_characteristic_s_link_shows_its_chart_and_tables(browser, page_url):
    browser.get(page_url)
    assert chart_is_drawn(browser)
    browser.find_element("link text", "Mileage").click()
    assert "characteristic=101" in browser.current_url
    assert browser.find_element("css selector", "nav [aria-current]").text == "Mileage"
    assert chart_is_drawn(browser)
    knots = browser.find_element("id", "knots")
    assert [cell.text for cell in knots.find_elements("css selector", "tbody td")] == ["22.5", "39.0", "54.0", "70.5"]
    drivers = browser.find_elements("css selector", "#drivers-table tbody tr")
    assert len(drivers) == 22
    assert drivers[0].is_displayed()

    browser.find_element("partial link text", "Mileage (km)").click()
    browser.find_element("partial link text", "Mileage (km)").click()
    first = browser.find_element("css selector", "#drivers-table tbody tr")
    assert first.text.startswith("depot/car-021 3 78.0"), "sorted by mileage, highest first"

    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == [], "nothing was refused by the page's own policy"


def test_a_cohort_can_be_chosen_without_a_script(browser, page_url):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(page_url)
    browser.find_element("name", "cohort").find_element("xpath", "option[.='bus']").click()
    browser.find_element("css selector", "form button").click()
    # Without a script the driver does not know when the next page is there.
    waiting = WebDriverWait(browser, 10, ignored_exceptions=[StaleElementReferenceException])
    assert waiting.until(lambda b: "3 of at least 10 persons" in b.find_element("id", "note").text)


def test_a_driver_s_page_is_reached_from_the_table_and_fits_a_phone(browser, page_url):
    browser.get(page_url)
    browser.find_element("link text", "depot/car-003").click()
    assert browser.find_element("css selector", "h1").text == "depot/car-003"
    assert browser.find_element("css selector", "#months tbody th").text == "2023-11"
    assert "No score yet. Too little to judge: Trips 3 of at least 5" in browser.find_element("id", "no-score").text
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.refresh()
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_score_is_drawn_within_the_page_s_policy(browser, scored_url, width):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(f"{scored_url}person?id=depot/car-003")
    assert chart_is_drawn(browser, "spider")
    assert ("size=narrow" in browser.find_element("id", "spider").get_property("currentSrc")) is (width < 600)
    assert 0 <= int(browser.find_element("id", "points").text) <= 100
    rows = browser.find_elements("css selector", "#axes tbody tr")
    assert len(rows) == 6
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_incidents_are_reached_from_the_fleets_page_and_lead_to_the_person(browser, page_url, width):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def rows(table="incidents-table"):
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        return [row.text for row in browser.find_elements("css selector", f"#{table} tbody tr")]

    browser.get(page_url)
    found = rows()
    assert "Warning code: 17, 3 times within 30 days." in found[0]
    assert "higher than expected on the last 7 trips" in found[1]
    assert len(found) == 2, "that which is closed is not among them"
    browser.find_element("link text", "those that are closed").click()
    (closed,) = rows()
    assert "closed after 2 h 0 min" in closed
    browser.find_element("link text", "Open").click()
    assert len(rows()) == 2
    browser.find_element("link text", "depot/car-003").click()
    assert len(rows()) == 3
    (done,) = rows("services-table")
    assert "Refuelled 84210 41.500" in done
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_devices_to_look_at_are_told_with_what_to_do(browser, troubled_url, width):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(troubled_url)
    rows = [row.text for row in browser.find_elements("css selector", "#alarms-table tbody tr")]
    assert [row.split()[0] for row in rows] == ["depot/car-001", "depot/car-004", "depot/car-004"]
    assert "two units seem to use this identity" in rows[0]
    assert "for example a copied SD card" in rows[0]
    assert "6 records declared lost: storage full: the oldest records had to go." in rows[1]
    assert "1 record refused as implausible" in rows[2]
    tiles = browser.find_element("css selector", ".tiles").text
    assert "Missing\n50 in 9 gaps" in tiles
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_a_phone(browser, page_url, dark):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
    browser.get(page_url)
    assert chart_is_drawn(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    shown = browser.execute_script("return document.getElementById('chart').currentSrc")
    assert "size=narrow" in shown
    assert ("theme=dark" in shown) is dark


@pytest.mark.parametrize("width", [1280, 390])
def test_a_trend_is_chosen_by_a_link_and_drawn_within_the_page_s_policy(browser, followed_url, width):
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(f"{followed_url}person?id=depot/car-003")
    browser.find_element("link text", "Mileage").click()
    assert "characteristic=mileage_km" in browser.current_url
    assert chart_is_drawn(browser, "trend-chart")
    assert ("size=narrow" in browser.find_element("id", "trend-chart").get_property("currentSrc")) is (width < 600)
    assert "the trend rose from" in browser.find_element("id", "trend-line").text
    assert browser.find_element("id", "trend-expected").text.startswith("Expected of 20")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
