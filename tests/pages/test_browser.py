"""The journeys that matter, in a real browser."""

import re

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
expect = playwright.expect
expect.set_options(timeout=60_000)

_NAVIGATION = re.compile('^<(ul data-testid="stSidebarNavItems"|li )')

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


def why(page) -> str:
    """The movie that is explained: the first of the list, unless another is chosen."""
    heading = page.get_by_role("heading", name=re.compile(r"^Why "))
    heading.wait_for()
    return heading.inner_text()


def settled(page) -> None:
    """Wait until the page has run to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/movies", "What if I liked these?"),
        ("/workbench", "What if several algorithms decide together?"),
        ("/people?person=42", "Who is person 42?"),
        ("/movie?movie=1", "What is Toy Story (1995), and what is close to it?"),
        ("/data", None),
        ("/accuracy", None),
        ("/training", "How does a network learn, and when should it stop?"),
    ],
)
def test_a_deep_link_is_the_first_request_of_a_fresh_server(fresh_dashboard, open_page, path, title):
    page = open_page(fresh_dashboard + path)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_count(1)
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(8)
    if title:
        expect(heading).to_have_text(title)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_pick_a_person_change_the_algorithm_read_a_reason(dashboard, open_page):
    page = open_page(dashboard)
    expect(page.get_by_role("heading", level=1)).to_contain_text("watch next, and why?")
    person = page.get_by_label("Person")
    person.fill("42")
    person.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("What should person 42 watch next, and why?")
    settled(page)
    before = why(page)
    page.get_by_role("radio", name="Baselines").click()
    expect(page).to_have_url(re.compile("model=random"))
    expect(page.get_by_role("heading", name=before)).to_have_count(0)
    page.get_by_label("Algorithm", exact=True).click()
    page.get_by_role("option", name="Popularity").click()
    expect(page.get_by_text("people who rated it").first).to_be_visible()
    expect(page.get_by_text("Exact: the parts sum to")).to_be_visible()
    assert "person=42" in page.url
    assert "model=popularity" in page.url


def test_a_row_that_is_clicked_is_explained(dashboard, open_page):
    page = open_page(f"{dashboard}/?person=42")
    first = why(page)
    settled(page)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 150, box["y"] + 35 + 62 * 2.5)
    expect(page.get_by_role("heading", name=first)).to_have_count(0)
    assert why(page) != first


def test_from_a_person_over_a_row_to_a_movie_and_on_to_the_nearest(dashboard, open_page):
    page = open_page(f"{dashboard}/?person=42")
    page.get_by_role("link", name="More about them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Who is person 42?")
    settled(page)
    take_first_way(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^What is .* close to it\?$"))
    settled(page)
    movie = page.get_by_role("heading", level=1).inner_text()
    assert "movie=" in page.url
    take_first_way(page)
    expect(page.get_by_role("heading", level=1)).not_to_have_text(movie)
    settled(page)
    page.get_by_role("link", name="What else, if I like it?").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What if I liked these?")
    expect(page).to_have_url(re.compile("rated="))


def take_first_way(page) -> None:
    """Click the arrow at the end of the table's first row."""
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 25, box["y"] + 35 + 17)


def test_three_rated_movies_change_the_list_and_the_address_shares_them(dashboard, open_page):
    page = open_page(f"{dashboard}/movies")
    told = page.get_by_test_id("stPlotlyChart")
    before = ""
    for typed, title in [("toy sto", "Toy Story (1995)"), ("alien", "Alien (1979)"), ("casabl", "Casablanca (1942)")]:
        page.get_by_label("Add a movie").press_sequentially(typed)
        page.get_by_role("button", name=title).click()
        expect(page.get_by_label(f"Your rating of {title}")).to_have_count(1)
        expect(told.first).to_have_text(re.compile("Score"))
        expect(told.first).not_to_have_text(before)
        expect(told).to_have_count(1)
        before = told.text_content()
    assert re.search(r"rated=1(:|%3A)4(,|%2C)1214(:|%3A)4(,|%2C)912(:|%3A)4", page.url)

    friend = open_page(page.url)
    expect(friend.get_by_text("Casablanca (1942)").first).to_be_visible()
    expect(friend.get_by_test_id("stPlotlyChart")).to_have_text(before)


@pytest.fixture
def small_named(small_movielens, monkeypatch) -> None:
    """For servers that start after it."""
    monkeypatch.setenv("RECENGINE_DATA", str(small_movielens))


def test_a_training_goes_on_while_one_is_elsewhere_and_is_found_and_cancelled(small_named, fresh_dashboard, open_page):
    quick = "&".join(f"train.sasrec.{name}" for name in ("epochs=2000", "patience=1000", "factors=8", "blocks=1"))
    page = open_page(f"{fresh_dashboard}/training?data=ml-latest-small&network=sasrec&{quick}")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("the best so far (ring)")).to_be_visible(timeout=240_000)
    expect(page.get_by_role("button", name="Start")).to_be_disabled()
    seen = page.get_by_text(re.compile("^Epoch [0-9]+ of at most 2000")).inner_text()

    page.get_by_role("link", name="The data").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text(re.compile("network"))
    page.get_by_role("link", name="Training").click()
    progress = page.get_by_text(re.compile("^Epoch [0-9]+ of at most 2000"))
    expect(progress).to_be_visible()
    expect(progress).not_to_have_text(seen)
    expect(page.get_by_text("Started elsewhere")).to_have_count(0)

    friend = open_page(page.url)
    expect(friend.get_by_text("Started elsewhere")).to_be_visible()
    friend.get_by_role("button", name="Cancel").click()
    for window in (friend, page):
        expect(window.get_by_role("button", name="Cancel")).to_have_count(0)
        expect(window.get_by_role("button", name="Start")).to_be_enabled()
    expect(page.get_by_text("Cancelled, and nothing was kept")).to_be_visible()
    expect(page.get_by_role("heading", name="Which training came furthest?")).to_have_count(0)


def test_movies_change_places_by_keyboard_the_answer_follows_and_the_address_shares_the_order(
    small_named, fresh_dashboard, open_page
):
    quick = "&".join(f"sasrec.{name}" for name in ("epochs=2", "factors=8", "blocks=1"))
    page = open_page(
        f"{fresh_dashboard}/movies?data=ml-latest-small&fewest=0&model=sasrec&{quick}&rated=1:4,2:4,3:4,5:4",
        viewport={"width": 390, "height": 844},
    )
    movies = page.get_by_role("radiogroup", name="Watched in this order")
    expect(movies).to_contain_text("4 · Movie 5 (1955)", timeout=240_000)
    expect(page.get_by_role("button", name="Later")).to_be_disabled()
    score = page.get_by_text(re.compile("^score ")).first
    before = score.inner_text()
    settled(page)
    earlier = page.get_by_role("button", name="Earlier")
    for place in (3, 2):
        earlier.press("Enter")
        expect(movies).to_contain_text(f"{place} · Movie 5 (1955)")
        expect(page.get_by_label(f"{place} · Movie 5 (1955)")).to_be_checked()
        expect(earlier).to_be_focused()
        settled(page)
    expect(score).not_to_have_text(before)
    expect(page).to_have_url(re.compile(r"rated=1(:|%3A)4(,|%2C)5(:|%3A)4(,|%2C)2(:|%3A)4(,|%2C)3(:|%3A)4"))
    page.get_by_text("Why, in full").first.click()
    expect(page.get_by_text("Of the last 4 movies watched, the network looked most at")).to_be_visible()

    friend = open_page(page.url)
    kept = friend.get_by_role("radiogroup", name="Watched in this order")
    expect(kept).to_contain_text("2 · Movie 5 (1955)")
    settled(friend)
    remove = friend.get_by_role("button", name="Remove")
    remove.press("Enter")
    expect(kept.get_by_role("radio")).to_have_count(3)
    expect(remove).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 1000), (390, 844)])
def test_the_page_of_trainings_keeps_the_rules_of_accessibility(small_named, fresh_dashboard, open_page, scheme, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    quick = "&".join(f"train.autorec.{name}" for name in ("epochs=2", "factors=8"))
    page = open_page(
        f"{fresh_dashboard}/training?data=ml-latest-small&network=autorec&{quick}",
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme,
    )  # fmt: skip
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_enabled()
    settled(page)
    assert broken(axe.run(page)) == []
    start.click()
    expect(page.get_by_role("heading", name="Which training came furthest?")).to_be_visible(timeout=240_000)
    settled(page)
    assert broken(axe.run(page)) == []


def broken(found) -> list[str]:
    """The rules that a page breaks, but for those that Streamlit's own navigation does."""
    rules = {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found.response["violations"]}
    return [name for name, parts in rules.items() if not all(_NAVIGATION.search(part) for part in parts)]


def test_nonsense_in_the_address_is_said_and_forgiven(dashboard, open_page):
    page = open_page(f"{dashboard}/?person=99999&model=oracle&length=7&item-knn.k=many&genres=Nonsense&data=nowhere")
    expect(page.get_by_text("There is no person 99999")).to_be_visible()
    expect(page.get_by_text("There is no algorithm called oracle")).to_be_visible()
    expect(page.get_by_text("There is no data set called nowhere")).to_be_visible()
    expect(page.get_by_text("length=7, item-knn.k=many, genres=Nonsense")).to_be_visible()
    assert why(page)
    page = open_page(f"{dashboard}/movies?rated=1:5,0:5,318:9,:::,zzz")
    expect(page.get_by_text("Left out, as these data")).to_be_visible()
    expect(page.get_by_text("Toy Story (1995)").first).to_be_visible()
    assert why(page)


def test_a_narrow_screen_gets_cards(dashboard, open_page):
    page = open_page(f"{dashboard}/?person=42", viewport={"width": 390, "height": 844})
    expect(page.get_by_text("Why, in full")).to_have_count(10)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0)
    page.get_by_text("Why, in full").first.click()
    expect(page.get_by_text("Exact: the parts sum to")).to_be_visible()
