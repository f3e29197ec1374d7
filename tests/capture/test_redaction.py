"""Secrets are taken out, all else stays, and no text however large makes it slow."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.secrets import INNOCENT, PLANTED
from trackbook.capture.redaction import MARK, redact, redact_value

SECRET = "hunter2-Zq9"

HIDDEN = [
    f"password = '{SECRET}'",
    f'PASSWORD="{SECRET}"',
    f"db_password: str = '{SECRET}'",
    f"dbPassword = '{SECRET}'",
    f"password = ('{SECRET}')",
    f"password = ('abc' '{SECRET}')",
    f"password = (\n    '{SECRET}'\n    'def'\n)",
    f'password = """{SECRET}"""',
    f"password = '''first\n{SECRET}'''",
    f"secret = r'{SECRET}'",
    f"token = f'{SECRET}{{x}}'",
    f"connect('me', password='{SECRET}', timeout=3)",
    f"config = {{'api_key': '{SECRET}', 'x': 1}}",
    f'{{"client_secret": "{SECRET}"}}',
    f"os.environ['AWS_SECRET_ACCESS_KEY'] = '{SECRET}'",
    f"os.environ.setdefault('API_KEY', '{SECRET}')",
    f"password = 'it\\'s {SECRET}'",
    f"export API_TOKEN={SECRET}",
    f"%env SECRET_KEY={SECRET}",
    f"!mysql --password={SECRET} -u me",
    f"https://example.org/?user=me&token={SECRET}&x=1",
    f"engine = 'postgresql://me:{SECRET}@db.example.org/x'",
    f"git clone https://{SECRET}@example.org/x.git",
    f"redis://:{SECRET}@localhost",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nhunter2-Zq9\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2-Zq9",
    f"Authorization: Bearer {SECRET}xyz",
    f"headers={{'Authorization': 'Basic {SECRET}=='}}",
]

TOKENS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 9,
    "glpat-" + "a1B2" * 5,
    "xoxb-1234567890-abcdef",
    "sk-" + "a1B2" * 8,
    "sk-ant-api03-" + "a1B2" * 8,
    "sk_live_" + "a1B2" * 5,
    "hf_" + "aB1c" * 8,
    "AIza" + "a1B2" * 9,
    "pypi-" + "a1B2" * 8,
    "npm_" + "a1B2" * 9,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123",
]

KEPT = [
    "monkey = 'banana'",
    "max_tokens = 100",
    "tokenizer = 'wordpiece'",
    "n_tokens='12'",
    "keyboard = 'qwerty'",
    "key = 'user_id'",
    "passed = 'yes'",
    "author = 'Ada'",
    "df.merge(other, on='key')",
    "password = getpass()",
    "token = os.environ['TOKEN']",
    "token = load_token",
    "api_key=self.api_key",
    "compass = 'north'",
    "see https://example.org/path?x=1@2",
    "mail ada@example.org",
    "x = 'sk-learn'",
    "secretary = 'Bob'",
    "@decorator\ndef f(): pass",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_a_secret_is_replaced(text):
    assert SECRET not in redact(text)
    assert MARK in redact(text)


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:8])
@pytest.mark.parametrize("around", ["{}", "x = '{}'", "call({})", "ValueError: bad key {}.", "https://h/?q={}"])
def test_a_token_is_known_by_its_form_wherever_it_stands(token, around):
    assert token not in redact(around.format(token))


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_secret_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize("text", [text for text in HIDDEN[:18] if "environ" not in text and "f'" not in text])
def test_redacted_python_is_still_python(text):
    if text.startswith(("export", "{", "db_password")) or "=" not in text:
        pytest.skip("no statement")
    ast.parse(redact(text))


@pytest.mark.parametrize("name", ["password", "API_KEY", "db-password", "dbPassword", "user.secret", "auth_token"])
def test_a_param_with_the_name_of_a_secret_is_hidden_whole(name):
    assert redact_value(name, "anything") == MARK


@pytest.mark.parametrize("name", ["monkey", "max_tokens", "tokenizer", "passes", "n_keys"])
def test_a_param_with_a_harmless_name_stays(name):
    assert redact_value(name, "anything") == "anything"


@pytest.mark.parametrize("text", [*HIDDEN, *KEPT, *TOKENS])
def test_redacting_twice_changes_nothing_more(text):
    assert redact(redact(text)) == redact(text)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_can_be_redacted(text):
    assert isinstance(redact(text), str)


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.",
        "A-",
        "token-",
        "token=",
        "token='",
        'password="""',
        "://",
        "a://",
        "sk-",
        "-eyJ-",
        "\\",
        "'",
        "password :",
        "secret" + " " * 50,
    ],
)
def test_a_large_text_of_anything_is_redacted(piece):
    """Anything worse than linear would take very long here."""
    text = piece * (200_000 // len(piece))
    assert redact(text)


@pytest.mark.parametrize("text", ["raise ValueError('password=abcdef')", "log(f'token=abcdef&user=1')"])
def test_a_secret_inside_a_text_of_the_code_is_taken_out(text):
    """What follows a quote is text, and not the name of a variable."""
    assert "abcdef" not in redact(text)


def test_prose_has_no_variables():
    """In a message the same words hold a secret that in code name a variable."""
    assert redact("connect(password=abcdef)") == "connect(password=abcdef)"
    assert "abcdef" not in redact("login failed: password=abcdef", prose=True)


@pytest.mark.parametrize("kind", PLANTED)
def test_every_common_kind_of_secret_is_taken_out(kind):
    planted = PLANTED[kind]
    for prose in {True, planted.prose}:
        clean = redact(planted.text, prose=prose)
        assert planted.secret not in clean
        assert MARK in clean
        assert clean.count("\n") == planted.text.count("\n")
        assert redact(clean, prose=prose) == clean


@pytest.mark.parametrize("kind", PLANTED)
def test_a_secret_is_taken_out_of_a_traceback_and_beside_other_text(kind):
    planted = PLANTED[kind]
    if planted.text.startswith(("{", "<", "%", "[", "users", "    ", "localhost", "database")):
        pytest.skip("no line of code")
    lines = planted.text.split("\n")
    text = "\n".join(
        ["Traceback (most recent call last):", '  File "<cell>", line 1, in <module>', *lines, "KeyError: 1"]
    )
    assert planted.secret not in redact(text, prose=True)


@pytest.mark.parametrize("text", INNOCENT)
def test_a_harmless_text_that_looks_like_a_secret_stays(text):
    assert redact(text) == text
    around = f"x = 1\n{text}\ny = 2\n"
    assert redact(around) == around


@pytest.mark.parametrize("name", ["SERVICE_PASSWORD", "API_TOKEN", "AWS_SECRET_ACCESS_KEY", "client_secret"])
def test_the_value_of_a_secret_variable_is_taken_out_wherever_it_stands(monkeypatch, name):
    value = "swordfish/77 blue"
    assert redact(f"print({value!r})") == f"print({value!r})"
    monkeypatch.setenv(name, value)
    assert value not in redact(f"print({value!r})")
    assert "swordfish%2F77%20blue" not in redact("get('https://example.org/swordfish%2F77%20blue')")
    monkeypatch.delenv(name)
    assert redact(f"print({value!r})") == f"print({value!r})"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME_TOWN", "swordfish77"),
        ("API_TOKEN", "short77"),
        ("DB_PASSWORD", "postgres"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/ada/service.json"),
        ("SSH_AUTH_SOCK", "/run/user/1000/agent.77"),
        ("API_TOKEN", "changeme"),
        ("TOKEN_COUNT", "123456789"),
    ],
)
def test_the_value_of_an_open_variable_or_a_common_word_stays(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert redact(f"print({value!r})") == f"print({value!r})"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab'\"=:token pasword\n(){}[],#-\\%f", max_size=120))
def test_lines_keep_their_number_and_redacting_twice_changes_nothing(text):
    clean = redact(text)
    assert clean.count("\n") == text.count("\n")
