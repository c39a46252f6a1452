"""The pages of a real mirror in a real browser that runs no scripts."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from tests.support.command import Command
from tests.support.hub_repos import Repo, awkward_model
from tests.support.mirror_process import MirrorProcess

COMMIT = "0123456789" * 4
HOSTILE = "acme/hostile"
"""A repository whose files have names that attack pages."""

HOSTILE_FILES = (
    "<script>document.title='taken'</script>.txt",
    "\"'><img src=x onerror=alert(1)>.txt",
    "\u202etxt.exe",
    f"{'long' * 60}.txt",
    f"{'/'.join(['deep' * 10] * 12)}/end.txt",
    "caf\u00e9 \u65e5\u672c \u0639\u0631\u0628\u064a.txt",
)

PAGES = ("/", "/acme/awkward", "/acme/awkward/tree/refs%2Fpr%2F1", f"/{HOSTILE}", "/acme/absent", "/a/b/c/d")

CONTRASTS = """
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function rgba(color) {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
}
function over(top, below) { return [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1); }
function ground(element) {
  if (!element) return [255, 255, 255, 1];
  const own = rgba(getComputedStyle(element).backgroundColor);
  return own[3] === 1 ? own : over(own, ground(element.parentElement));
}
function light([r, g, b]) {
  const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}
const found = [];
for (const element of document.body.querySelectorAll("*")) {
  if (![...element.childNodes].some(each => each.nodeType === 3 && each.data.trim())) continue;
  const below = ground(element), color = rgba(getComputedStyle(element).color);
  let alpha = 1;
  for (let each = element; each; each = each.parentElement) alpha *= getComputedStyle(each).opacity;
  const [a, b] = [light(over([...color.slice(0, 3), color[3] * alpha], below)), light(below)].sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), element.outerHTML.slice(0, 80)]);
}
return found;
"""

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # which needs rights that test machines seldom give
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--no-proxy-server",
    "--window-size=1280,900",
)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """The browser that Debian packages; scripts of pages don't run in it."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for each in (*ARGUMENTS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(each)
    options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, Service("/usr/bin/chromedriver"))  # named, or selenium would download one
    try:
        driver.get(f"data:text/html,{quote('<title>off</title><script>document.title=`on`</script>')}")
        assert driver.title == "off"
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def model() -> Repo:
    """What the cache holds."""
    return awkward_model()


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory, model: Repo) -> Iterator[MirrorProcess]:
    """A mirror of a cache and of a folder with hostile names."""
    home = tmp_path_factory.mktemp("mirror")
    model.write_cache(home / "hub")
    Repo(kind="dataset", name="acme/pinned", commits={COMMIT: {"a.txt": b"a"}}, refs={}).write_cache(home / "hub")
    for path in HOSTILE_FILES:
        (home / "hostile" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "hostile" / path).write_text(f"this is {path}", encoding="utf-8")
    arguments = ("--cache-dir", home / "hub", "--repo", f"{HOSTILE}={home / 'hostile'}")
    with MirrorProcess(home / "home", *arguments) as mirror:
        yield mirror


@pytest.fixture
def browser(driver: Chrome) -> Iterator[Chrome]:
    """The browser as it comes: a wide screen, light, nothing in its log."""
    driver.get("about:blank")
    driver.get_log("browser")
    yield driver
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_from_the_index_to_the_bytes_of_a_file(browser: Chrome, mirror: MirrorProcess, model: Repo) -> None:
    """Somebody with nothing but a browser would not get at the files."""
    browser.get(mirror.endpoint)
    assert "3 repositories held" in browser.find_element(By.TAG_NAME, "main").text

    browser.find_element(By.LINK_TEXT, "acme/awkward").click()
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith("acme/awkward")
    assert "dropped.txt" not in browser.page_source

    browser.find_element(By.LINK_TEXT, "v1.0").click()
    assert browser.find_element(By.CSS_SELECTOR, "[aria-current=page]").text == "v1.0"

    browser.find_element(By.LINK_TEXT, "dropped.txt").click()
    assert browser.find_element(By.TAG_NAME, "body").text == model.at("v1.0")["dropped.txt"].decode().strip()


def test_repository_without_a_branch_is_shown_at_its_commit(browser: Chrome, mirror: MirrorProcess) -> None:
    """What was fetched by commit alone would have no page at the address that everybody types."""
    browser.get(f"{mirror.endpoint}/datasets/acme/pinned")

    assert browser.current_url == f"{mirror.endpoint}/datasets/acme/pinned/tree/{COMMIT}"
    assert browser.find_element(By.CSS_SELECTOR, "[aria-current]").text == COMMIT[:10]


def test_command_on_the_page_fetches_the_file(
    browser: Chrome, mirror: MirrorProcess, model: Repo, tmp_path: Path
) -> None:
    """People paste what the page shows; it must be right to the last digit of the digest."""
    browser.get(f"{mirror.endpoint}/acme/awkward")
    shown = browser.find_elements(By.CSS_SELECTOR, ".recipes code")[-1].text
    command = Command(tmp_path)

    script = f"""weighbridge() {{ {shlex.join(command.line())} "$@"; }}\n{shown}\n"""
    subprocess.run(["sh"], input=script.encode(), cwd=tmp_path, env=command.environment, check=True, timeout=30)

    assert (tmp_path / "model.safetensors").read_bytes() == model.main["model.safetensors"]


def test_hostile_names_are_names(browser: Chrome, mirror: MirrorProcess) -> None:
    """Whoever can name a file would run scripts in the browsers of all readers."""
    browser.get(f"{mirror.endpoint}/{HOSTILE}")

    links = browser.find_elements(By.CSS_SELECTOR, "table a")
    assert browser.find_elements(By.CSS_SELECTOR, "script, img, [onerror]") == []
    assert {each.text for each in links} == {each.replace("\u202e", r"\u202e") for each in HOSTILE_FILES}
    browser.get(next(each.get_attribute("href") or "" for each in links if each.text.startswith("<script>")))
    assert browser.find_element(By.TAG_NAME, "body").text == f"this is {HOSTILE_FILES[0]}"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_a_phone(browser: Chrome, mirror: MirrorProcess, path: str) -> None:
    """Readers would have to scroll sideways for every line."""
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)

    browser.get(mirror.endpoint + path)

    assert browser.execute_script("return document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/acme/awkward", "/acme/absent"])
def test_text_stands_out_from_its_ground(browser: Chrome, mirror: MirrorProcess, path: str, scheme: str) -> None:
    """Many could not read it (WCAG 2.2, 1.4.3)."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    browser.get(mirror.endpoint + path)

    found = browser.execute_script(CONTRASTS)
    assert len(found) > 5
    assert [each for each in found if each[0] < 4.5] == []


def test_dark_readers_get_a_dark_page(browser: Chrome, mirror: MirrorProcess) -> None:
    """The page would be a lamp in the eyes of who works at night; it would also be so if no style were applied."""
    browser.get(mirror.endpoint)
    body = browser.find_element(By.TAG_NAME, "body")
    light = body.value_of_css_property("background-color")

    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    assert (light, body.value_of_css_property("background-color")) == ("rgba(251, 251, 249, 1)", "rgba(19, 22, 24, 1)")


def test_browser_has_nothing_to_complain_about(browser: Chrome, mirror: MirrorProcess) -> None:
    """A style or an icon that the policy forbids is missing for everybody."""
    for path in (*PAGES, "/acme/awkward/resolve/main/README.md"):
        browser.get(mirror.endpoint + path)

    asked_in_vain = ("status of 404", "/acme/absent", "/a/b/c/d")
    log = [each["message"] for each in browser.get_log("browser")]
    assert [each for each in log if not any(known in each for known in asked_in_vain)] == []


def test_keyboard_is_enough(browser: Chrome, mirror: MirrorProcess) -> None:
    """Who uses no mouse would have to pass everything, and not see where they are."""
    browser.get(mirror.endpoint)

    browser.switch_to.active_element.send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    assert skip.rect["y"] >= 0
    skip.send_keys(Keys.ENTER)
    browser.switch_to.active_element.send_keys(Keys.TAB)

    assert browser.switch_to.active_element.text == "How to use this mirror"
    assert browser.switch_to.active_element.value_of_css_property("outline-style") == "solid"


def test_token_is_the_password(browser: Chrome, tmp_path: Path, model: Repo) -> None:
    """Browsers send no bearer tokens: people would be locked out of their own mirror."""
    model.write_cache(tmp_path / "hub")
    with MirrorProcess(tmp_path / "home", "--cache-dir", tmp_path / "hub", token="t0ken") as guarded:
        browser.get(guarded.endpoint.replace("://", "://anybody:t0ken@"))
        browser.find_element(By.LINK_TEXT, "acme/awkward").click()

        assert browser.find_element(By.TAG_NAME, "h1").text.startswith("acme/awkward")
        assert browser.find_element(By.TAG_NAME, "body").value_of_css_property("margin") == "0px"
