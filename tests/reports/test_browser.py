"""The report in a real browser, headless Chromium. Skipped where Selenium (extra `browser`) or Chromium is missing."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from mlpcli.api import train
from mlpcli.datasets.load import load_data
from mlpcli.reports.page.writing import report
from tests.reports.conftest import table_of_classes

webdriver = pytest.importorskip("selenium.webdriver", reason="needs the extra browser")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
DESKTOP, PHONE = (1280, 900), (360, 780)

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its driver"),
    # Selenium leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

NAMES = ["<script>document.title='owned'</script>", '"><img src=x onerror="window.owned=1">', "</script><b>"]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's sandbox refuses to run as root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def reports(tmp_path_factory, classifier, of_table, regression, multi_label, colours, many_classes, bits):
    """Where the report on each network is, by name."""
    folder = tmp_path_factory.mktemp("reports")
    hostile = load_data(str(table_of_classes(folder / "a<b>'.csv", ["<i>x", '"y', "kind"], NAMES)))
    networks = {
        "classifier": classifier,
        "of_table": of_table,
        "regression": regression,
        "multi_label": multi_label,
        "colours": colours,
        "many_classes": many_classes,
        "bits": bits,
        "hostile": (train(hostile, epochs=3), hostile),
        "without_data": (classifier.model, None),
    }
    places = {}
    for name, (model, data) in networks.items():
        places[name] = folder / f"{name}.html"
        report(model, data, places[name], weights=f"{'long-' * 20}{name}.npy")
    return places


ALL = (
    "classifier",
    "of_table",
    "regression",
    "multi_label",
    "colours",
    "many_classes",
    "bits",
    "hostile",
    "without_data",
)


def visit(browser, path, size=DESKTOP, dark=False, media=""):
    width, height = size
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    preferred = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": preferred})
    browser.get_log("performance")  # what came before
    browser.get_log("browser")
    browser.get(path.as_uri())


def requests(browser):
    """The addresses that were asked for since `visit`."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [address for address in sent if not address.startswith("data:")]


def open_cell(browser, key):
    button = browser.find_element(By.CSS_SELECTOR, f"button[data-cell='{key}']")
    button.click()
    wait_for(browser, "#examples > *")
    return button


def wait_for(browser, selector):
    WebDriverWait(browser, 10).until(lambda d: d.find_elements(By.CSS_SELECTOR, selector))


def is_open(browser):
    return browser.execute_script("return document.getElementById('gallery').open")


def focused(browser):
    return browser.switch_to.active_element.get_attribute("data-cell")


def a_mistake(trained):
    """(true, said) of some example that the network has wrong."""
    test = trained.data.test
    said = trained.model.predict(test.X)
    wrong = np.flatnonzero(said != test.y)[0]
    return int(test.y[wrong]), int(said[wrong])


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_asked_for_and_nothing_complains(browser, reports, name):
    visit(browser, reports[name])
    buttons = browser.find_elements(By.CSS_SELECTOR, "button[data-cell]")
    if buttons:
        browser.execute_script("arguments[0].click()", buttons[0])
        wait_for(browser, "#examples > *")
    assert requests(browser) == [reports[name].as_uri()]
    assert browser.get_log("browser") == []


def test_the_policy_is_in_force(browser, reports):
    """What would have to be stopped is: a picture from elsewhere, a script that slipped in."""
    visit(browser, reports["classifier"])
    browser.execute_script("""
        window.stopped = [];
        document.addEventListener("securitypolicyviolation", (event) => window.stopped.push(event.effectiveDirective));
        const picture = new Image();
        picture.src = "http://127.0.0.1:9/x.png";
        document.body.append(picture);
        const script = document.createElement("script");
        script.textContent = "window.slipped = 1";
        document.body.append(script);
    """)
    WebDriverWait(browser, 10).until(lambda d: d.execute_script("return window.stopped.length === 2"))
    assert sorted(browser.execute_script("return window.stopped")) == ["img-src", "script-src-elem"]
    assert browser.execute_script("return window.slipped") is None
    browser.get_log("browser")


def test_a_number_opens_its_pictures_pixel_by_pixel(browser, reports, classifier):
    visit(browser, reports["classifier"])
    true, said = a_mistake(classifier)
    open_cell(browser, f"{true}-{said}")
    assert browser.find_element(By.ID, "gallery-title").text == f"true {true}, said {said}"
    test = classifier.data.test
    expected = np.flatnonzero((test.y == true) & (classifier.model.predict(test.X) == said))
    shown = browser.execute_script("""
        return [...document.querySelectorAll("#examples canvas")].map((canvas) => [
            canvas.getAttribute("aria-label"),
            [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data],
        ]);
    """)
    numbers = [int(label.split()[1].rstrip(",")) for label, _ in shown]
    assert sorted(numbers) == expected.tolist()
    for number, (label, data) in zip(numbers, shown, strict=True):
        assert label == f"image {number}, true {true}"
        pixels = np.array(data).reshape(8, 8, 4)[:, :, 0]
        np.testing.assert_array_equal(pixels, np.rint(test.X[number].reshape(8, 8) * (255 / 16)))


def test_rows_of_a_table_open_as_a_table(browser, reports, of_table):
    visit(browser, reports["of_table"])
    true, said = a_mistake(of_table)
    open_cell(browser, f"{true}-{said}")
    rows = browser.find_elements(By.CSS_SELECTOR, "#examples tbody tr")
    test = of_table.data.test
    expected = np.sort(test.places[(test.y == true) & (of_table.model.predict(test.X) == said)])
    assert browser.find_element(By.CSS_SELECTOR, "#examples thead th").text == "line"
    assert sorted(int(row.find_element(By.TAG_NAME, "th").text) for row in rows) == expected.tolist()


def test_the_keyboard_alone_is_enough(browser, reports):
    visit(browser, reports["classifier"])
    body = browser.find_element(By.TAG_NAME, "body")
    body.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the results"
    for _ in range(60):
        if focused(browser):
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    assert focused(browser) == "0-0"
    outline = browser.switch_to.active_element.value_of_css_property("outline-style")
    assert outline == "solid"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    wait_for(browser, "#examples > *")
    assert is_open(browser)
    assert browser.switch_to.active_element.text == "Close"
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    WebDriverWait(browser, 10).until(lambda d: not is_open(d))
    assert focused(browser) == "0-0"
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    assert is_open(browser)
    browser.switch_to.active_element.send_keys(Keys.ENTER)  # on "Close"
    WebDriverWait(browser, 10).until(lambda d: not is_open(d))
    assert focused(browser) == "0-0"


def test_arrow_keys_go_from_number_to_number(browser, reports, classifier):
    visit(browser, reports["classifier"])
    test = classifier.data.test
    said = classifier.model.predict(test.X)
    there = {(int(t), int(s)) for t, s in zip(test.y, said, strict=True)}
    browser.find_element(By.CSS_SELECTOR, "button[data-cell='3-3']").send_keys(Keys.ARROW_DOWN)
    below = min(t for t, s in there if s == 3 and t > 3) if any(s == 3 and t > 3 for t, s in there) else 3
    assert focused(browser) == f"{below}-3"
    browser.find_element(By.CSS_SELECTOR, "button[data-cell='3-3']").send_keys(Keys.ARROW_LEFT)
    before = max((s for t, s in there if t == 3 and s < 3), default=3)
    assert focused(browser) == f"3-{before}"


def test_a_click_beside_the_dialog_closes_it(browser, reports):
    visit(browser, reports["classifier"])
    open_cell(browser, "0-0")
    webdriver.ActionChains(browser).move_by_offset(5, 5).click().perform()
    assert not is_open(browser)


@pytest.mark.parametrize("name", ALL)
def test_a_phone_scrolls_down_alone(browser, reports, name):
    visit(browser, reports[name], PHONE)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    buttons = browser.find_elements(By.CSS_SELECTOR, "button[data-cell]")
    if buttons:
        browser.execute_script("arguments[0].click()", buttons[0])
        wait_for(browser, "#examples > *")
        box = browser.find_element(By.ID, "gallery").rect
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
        assert box["y"] + box["height"] <= PHONE[1]


def test_a_phone_shows_the_way_out_in_one_line(browser, reports):
    visit(browser, reports["hostile"], PHONE)  # whose names make long titles
    button = browser.find_element(By.CSS_SELECTOR, "button[data-cell]")
    browser.execute_script("arguments[0].click()", button)
    wait_for(browser, "#examples > *")
    lines = "const range = document.createRange(); range.selectNodeContents(document.getElementById('close'));"
    assert browser.execute_script(f"{lines} return range.getClientRects().length") == 1


def test_heads_of_rows_and_their_corner_stay_when_the_matrix_scrolls(browser, reports):
    visit(browser, reports["many_classes"], PHONE)
    where = """
        const box = document.querySelector(".scroll:has(.matrix)"), matrix = box.querySelector(".matrix");
        box.scrollLeft = arguments[0];
        return [box.scrollLeft, ...["thead td", "tbody th", "tbody td"].map(
            (cell) => matrix.querySelector(cell).getBoundingClientRect().left)];
    """
    _, corner, head, number = browser.execute_script(where, 0)
    scrolled, corner_then, head_then, number_then = browser.execute_script(where, 200)
    assert (scrolled, number - number_then) == (200, 200)
    # They move by the gap between cells, at most.
    assert max(abs(corner - corner_then), abs(head - head_then)) <= 2
    covered = "return [...document.querySelectorAll('.matrix thead td, .matrix tbody th')].every((cell) => "
    covered += "getComputedStyle(cell).backgroundColor === getComputedStyle(document.body).backgroundColor)"
    assert browser.execute_script(covered)


# The contrast of each text with what lies behind it, by WCAG 2's formula, lowest first; of texts that can be seen.
CONTRAST = """
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    function rgba(colour) {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255);
    }
    function luminance(colour) {
        const [r, g, b] = colour.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }
    function behind(element) {
        for (let at = element; at; at = at.parentElement) {
            const colour = rgba(getComputedStyle(at).backgroundColor);
            if (colour[3] === 1) return colour;
        }
        return [1, 1, 1, 1];
    }
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
        if (element.closest("script, style, title, desc")) continue;
        const style = getComputedStyle(element);
        const ink = rgba(element.closest("svg") ? style.fill : style.color);
        const [a, b] = [luminance(ink), luminance(behind(element))].sort((x, y) => y - x);
        found.push([(a + 0.05) / (b + 0.05), element.tagName, element.className.baseVal ?? element.className,
                    walker.currentNode.textContent.trim().slice(0, 40)]);
    }
    return found.sort((x, y) => x[0] - y[0]);
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["classifier", "of_table", "regression", "multi_label", "many_classes"])
def test_every_text_can_be_read(browser, reports, name, dark):
    visit(browser, reports[name], dark=dark)
    buttons = browser.find_elements(By.CSS_SELECTOR, "button[data-cell]")
    if buttons:
        browser.execute_script("arguments[0].click()", buttons[0])
        wait_for(browser, "#examples > *")
    contrasts = browser.execute_script(CONTRAST)
    assert len(contrasts) > 100
    assert contrasts[0][0] >= 4.5, contrasts[:5]
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in paper.strip("rgb()").split(",")]
    assert max(levels) < 60 if dark else min(levels) > 200


def test_the_button_changes_between_light_and_dark(browser, reports):
    visit(browser, reports["classifier"])
    button = browser.find_element(By.ID, "theme")
    papers, texts = [], []
    for _ in range(3):
        papers.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        texts.append(button.text)
        button.click()
    assert papers[0] == papers[2] != papers[1]
    assert texts == ["Dark mode", "Light mode", "Dark mode"]
    assert browser.execute_script(CONTRAST)[0][0] >= 4.5


@pytest.mark.parametrize("name", ALL)
def test_readers_of_screens_find_names_for_everything(browser, reports, name):
    """By the names that the browser itself gives to assistive technology."""
    visit(browser, reports[name])
    nodes = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [node for node in nodes if not node["ignored"]]
    roles = [node["role"]["value"] for node in nodes]
    # Not "group": that is what <details> is, whose name its summary says.
    named = {"button", "image", "link", "table", "navigation", "region", "heading", "DisclosureTriangle"}
    for node, role in zip(nodes, roles, strict=True):
        if role in named:
            assert node.get("name", {}).get("value", "").strip(), node
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert roles.count(landmark) == 1, landmark
    levels = [
        next(p["value"]["value"] for p in node["properties"] if p["name"] == "level")
        for node, role in zip(nodes, roles, strict=True)
        if role == "heading"
    ]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    if browser.find_elements(By.CSS_SELECTOR, "button[data-cell]"):
        open_ = browser.find_element(By.CSS_SELECTOR, "button[data-cell]")
        browser.execute_script("arguments[0].click()", open_)
        wait_for(browser, "#examples > *")
        dialog = browser.find_element(By.ID, "gallery")
        assert dialog.aria_role == "dialog"
        assert dialog.accessible_name == browser.find_element(By.ID, "gallery-title").text


def test_hostile_names_are_text(browser, reports):
    visit(browser, reports["hostile"])
    for button in browser.find_elements(By.CSS_SELECTOR, "button[data-cell]"):
        browser.execute_script("arguments[0].click()", button)
        wait_for(browser, "#examples > *")
        browser.find_element(By.ID, "close").click()
    assert browser.title.startswith("Report on long-")
    assert browser.execute_script("return window.owned") is None
    assert browser.execute_script("return document.scripts.length") == 2
    assert not browser.find_elements(By.CSS_SELECTOR, "main i, main img[src=x], dialog b")
    shown = {cell.text for cell in browser.find_elements(By.CSS_SELECTOR, ".matrix tbody th")}
    assert set(NAMES) <= shown


def test_motion_only_where_it_is_wanted(browser, reports):
    visit(browser, reports["classifier"])
    for preference, expected in (("no-preference", "smooth"), ("reduce", "auto")):
        features = [{"name": "prefers-reduced-motion", "value": preference}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        found = browser.execute_script("return getComputedStyle(document.documentElement).scrollBehavior")
        assert found == expected


def test_a_print_is_light_and_without_controls(browser, reports):
    visit(browser, reports["classifier"], dark=True, media="print")
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert min(int(level) for level in paper.strip("rgb()").split(",")) > 200
    for hidden in ("nav", "#theme"):
        assert not browser.find_element(By.CSS_SELECTOR, hidden).is_displayed()
    assert browser.execute_script(CONTRAST)[0][0] >= 4.5


def test_mnist_opens_quickly_enough_to_be_used(browser, mnist_folder, tmp_path):
    """Ten thousand test images: every number of the matrix opens as many pictures as it says, at most 24."""
    data = load_data("mnist", mnist_folder)
    some = replace(data, train=replace(data.train, X=data.train.X[:2000], y=data.train.y[:2000]))
    measured = report(train(some, epochs=2), data, tmp_path / "r.html")
    visit(browser, tmp_path / "r.html")
    for true, said in ((4, 9), (7, 9), (1, 1)):
        count = int(measured.evaluation.confusion[true, said])
        open_cell(browser, f"{true}-{said}")
        assert len(browser.find_elements(By.CSS_SELECTOR, "#examples canvas")) == min(count, 24)
        browser.find_element(By.ID, "close").click()
