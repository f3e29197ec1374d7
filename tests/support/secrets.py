"""Secrets of every common kind, and harmless texts that look like them; none of the secrets was ever valid.

`PLANTED` maps a kind to the text that must not survive and to a line of code, of output or of a file that holds it.
"""

from __future__ import annotations

import base64
from typing import NamedTuple


class Planted(NamedTuple):
    """A secret and the text that it stands in; where only `prose`, such a text is an output and never code."""

    secret: str
    text: str
    prose: bool = False


HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
MIXED = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzAbCdEfGh"
PLAIN = "hunter2-Zq9x"
WORD = "Xk29vQpLm4Tz"
KEY_LINES = "MIIEowIBAAKCAQEA" + MIXED + "\n" + MIXED + "Zz09"


def _key(kind: str) -> str:
    return f"-----BEGIN {kind}-----\n{KEY_LINES}\n-----END {kind}-----"


def _form(secret: str) -> Planted:
    return Planted(secret, f"client = connect('{secret}')")


_BASIC = base64.b64encode(f"ada:{PLAIN}".encode()).decode()
_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

PLANTED: dict[str, Planted] = {
    "AWS access key": _form("AKIAIOSFODNN7EXAMPLE"),
    "AWS secret key": Planted(
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz", "aws_secret_access_key = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz'"
    ),
    "AWS session token": Planted(
        "FwoGZXIvYXdzE" + MIXED, f"session = Session(aws_session_token='FwoGZXIvYXdzE{MIXED}')"
    ),
    "GitHub": _form("ghp_" + MIXED[:36]),
    "GitHub, fine-grained": _form("github_pat_" + MIXED),
    "GitLab": _form("glpat-" + MIXED[:20]),
    "Bitbucket": _form("ATBB" + MIXED[:32]),
    "Slack": _form("xoxb-123456789012-123456789012-" + MIXED[:24]),
    "Slack webhook": Planted(
        "T0AB12CD3/B0AB12CD3/" + MIXED[:24],
        f"post('https://hooks.slack.com/services/T0AB12CD3/B0AB12CD3/{MIXED[:24]}')",
    ),
    "Discord webhook": Planted(MIXED, f"post('https://discord.com/api/webhooks/123456789012345678/{MIXED}')"),
    "Discord": Planted(f"M{MIXED[:23]}.GabcDe.{MIXED[:27]}", f"discord.run('M{MIXED[:23]}.GabcDe.{MIXED[:27]}')"),
    "Telegram": _form("123456789:AA" + MIXED[:33]),
    "Stripe": _form("sk_" + "live_" + MIXED[:24]),
    "Twilio": _form("SK" + HEX),
    "SendGrid": _form(f"SG.{MIXED[:22]}.{MIXED}"),
    "Mailgun": _form("key-" + HEX),
    "Mailchimp": _form(HEX + "-us12"),
    "OpenAI": _form("sk-proj-" + MIXED),
    "Anthropic": _form("sk-ant-api03-" + MIXED),
    "Hugging Face": _form("hf_" + MIXED[:34]),
    "Google API": _form("AIza" + MIXED[:35]),
    "Google OAuth": _form("ya29." + MIXED),
    "Google OAuth client": _form("GOCSPX-" + MIXED[:28]),
    "Google service account": Planted(
        MIXED,
        '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\n'
        + MIXED
        + '\\n-----END PRIVATE KEY-----\\n"}',
    ),
    "Azure connection string": Planted(
        MIXED + "==", f"connect('DefaultEndpointsProtocol=https;AccountName=ada;AccountKey={MIXED}==;EndpointSuffix=x')"
    ),
    "Azure SAS": Planted(
        "kX9%2Fq" + MIXED, f"read('https://ada.blob.example.org/c/f.csv?sv=2022-11-02&se=2030&sr=b&sig=kX9%2Fq{MIXED}')"
    ),
    "Azure client": _form("abc8Q~" + MIXED[:34]),
    "PyPI": _form("pypi-AgEIcHlwaS5vcmc" + MIXED),
    "npm": _form("npm_" + MIXED[:36]),
    "Docker": Planted(_BASIC, '{"auths": {"registry.example.org": {"auth": "' + _BASIC + '"}}}'),
    "NuGet": _form("oy2" + (HEX + HEX)[:43]),
    "NuGet file": Planted(PLAIN, f'<add key="ClearTextPassword" value="{PLAIN}" />'),
    "JSON web token": _form(_JWT),
    "RSA key": Planted(MIXED, f"key = '''{_key('RSA PRIVATE KEY')}'''"),
    "EC key": Planted(MIXED, _key("EC PRIVATE KEY")),
    "OpenSSH key": Planted(MIXED, _key("OPENSSH PRIVATE KEY")),
    "PGP key": Planted(MIXED, _key("PGP PRIVATE KEY BLOCK")),
    "cut key": Planted(MIXED, _key("PRIVATE KEY")[:-30]),
    ".netrc": Planted(PLAIN, f"machine example.org login ada password {PLAIN}"),
    ".pgpass": Planted(PLAIN, f"localhost:5432:shop:ada:{PLAIN}"),
    "PostgreSQL": Planted(PLAIN, f"engine = 'postgresql+psycopg://ada:{PLAIN}@db.example.org/x'"),
    "MySQL with signs": Planted(f"p@ss:{WORD}", f"engine = 'mysql://ada:p@ss:{WORD}@db.example.org/x'"),
    "MongoDB": Planted(PLAIN, f"MongoClient('mongodb+srv://ada:{PLAIN}@db.example.org')"),
    "Redis": Planted(PLAIN, f"Redis.from_url('redis://:{PLAIN}@localhost:6379/0')"),
    "AMQP": Planted(PLAIN, f"broker = 'amqp://ada:{PLAIN}@mq:5672//'"),
    "basic header": Planted(_BASIC, f"headers = {{'X': 'Basic {_BASIC}'}}"),
    "bearer header": Planted(MIXED, f"curl -H 'Authorization: Bearer {MIXED}' https://example.org"),
    "custom header": Planted(MIXED, f"headers = {{'X-Api-Key': '{MIXED}'}}"),
    "cookie": Planted(WORD, f"requests.get(url, headers={{'Cookie': 'theme=dark; sessionid={WORD}'}})"),
    "session id": Planted(MIXED, f"cookies = {{'PHPSESSID': '{MIXED}'}}"),
    "kubeconfig": Planted(MIXED, f"users:\n- name: ada\n  user:\n    token: {MIXED}", prose=True),
    "kubeconfig key": Planted(MIXED, f"    client-key-data: {MIXED}==", prose=True),
    "Kubernetes variable": Planted(PLAIN, f"        - name: DB_PASSWORD\n          value: {PLAIN}", prose=True),
    "Databricks": _form("dapi" + HEX),
    "Snowflake": Planted(PLAIN, f"snowflake.connector.connect(user='ada', password='{PLAIN}', account='x')"),
    "Kaggle": Planted(HEX, f'{{"username": "ada", "key": "{HEX}"}}'),
    "Weights & Biases": Planted(HEX + "01234567", f"wandb.login(key='{HEX}01234567')"),
    "Weights & Biases variable": Planted(HEX + "01234567", f"%env WANDB_API_KEY={HEX}01234567"),
    "DigitalOcean": _form("dop_v1_" + HEX + HEX),
    "Heroku": Planted(
        "01234567-89ab-cdef-0123-456789abcdef", "HEROKU_API_KEY = '01234567-89ab-cdef-0123-456789abcdef'"
    ),
    "Cloudflare": Planted(MIXED, f"os.environ['CLOUDFLARE_API_TOKEN'] = '{MIXED}'"),
    "Datadog": Planted(HEX, f"initialize(api_key='{HEX}', app_key='{HEX}')"),
    "New Relic": _form("NRAK-" + MIXED[:27].upper()),
    "Sentry": Planted(HEX, f"sentry_sdk.init('https://{HEX}@o1.ingest.sentry.io/2')"),
    "age": _form("AGE-SECRET-KEY-1" + MIXED.upper()),
    "Vault": _form("hvs." + MIXED),
    "password in JSON": Planted(PLAIN, f'{{"user": "ada", "password": "{PLAIN}"}}'),
    "password in escaped JSON": Planted(PLAIN, f'body = "{{\\"password\\": \\"{PLAIN}\\"}}"'),
    "password in YAML": Planted(PLAIN, f"database:\n  password: {PLAIN}", prose=True),
    "password in TOML": Planted(PLAIN, f'[database]\npassword = "{PLAIN}"'),
    "password in INI": Planted(PLAIN, f"[database]\npassword = {PLAIN}", prose=True),
    "password in XML": Planted(PLAIN, f"<password>{PLAIN}</password>"),
    "password in .env": Planted(PLAIN, f"export DB_PASSWORD={PLAIN}"),
    "password in a flag": Planted(PLAIN, f"!mysqldump --user ada --password {PLAIN} shop"),
    "password in a short flag": Planted(PLAIN, f"!mysql -u ada -p{PLAIN} shop"),
    "password of curl": Planted(PLAIN, f"!curl -u ada:{PLAIN} https://example.org"),
    "password in arguments": Planted(PLAIN, f"subprocess.run(['tool', '--password', '{PLAIN}'])"),
    "password in SQL": Planted(PLAIN, f"execute(\"CREATE USER ada WITH PASSWORD '{PLAIN}'\")"),
    "password at a prompt": Planted(PLAIN, f"Password: {PLAIN}", prose=True),
    "password over lines": Planted(WORD, f'text = """\n[database]\npassword = {WORD}\n"""'),
    "password in pieces": Planted(WORD, f"password = (\n    'abc'\n    '{WORD}'\n)"),
    "password in an f-string": Planted(WORD, f"url = f'{{host}}?password={WORD}&user={{user}}'"),
    "password in a dict": Planted(WORD, f"config = dict(host='h', password='{WORD}')"),
    "password that is compared": Planted(WORD, f"if password == '{WORD}':\n    pass"),
    "password in a comment": Planted(WORD, f"# password: {WORD}"),
    "password in a query": Planted(WORD, f"get('https://example.org/?user=ada&password={WORD}&x=1')"),
    "password as a default": Planted(WORD, f"password = os.getenv('DB_PASSWORD', '{WORD}')"),
    "password with an annotation": Planted(WORD, f"password: str = '{WORD}'"),
    "password in a magic": Planted(WORD, f"%%bash\npassword={WORD}\necho $password"),
    "passphrase": Planted("correct horse battery", "passphrase = 'correct horse battery'"),
}

INNOCENT: tuple[str, ...] = (
    "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    "md5: d41d8cd98f00b204e9800998ecf8427e",
    "run = '01234567-89ab-cdef-0123-456789abcdef'",
    "commit 372a910f0e1d2c3b4a5968778695a4b3c2d1e0f9",
    "image = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk'",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1l2m3n4o5p6q7r8s9t0u1v2w3x4y5z ada@example.org",
    "model.generate(max_tokens=100, temperature=0.5)",
    "token_count = 123456789",
    "password_field_label = 'Enter your password'",
    "token_type = 'subword_unit'",
    "rows.sort(key=lambda row: row[1])",
    "sorted(rows, key=itemgetter('name_of_customer'))",
    "df.sort_values('key', key=str.lower)",
    "df.merge(other, left_on='user_key', right_on='key')",
    "a_very_long_identifier_that_goes_on_and_on_and_on = another_very_long_identifier_of_the_same_kind",
    "pip install git+https://github.com/ada/own.git@v1.2.3#egg=own",
    "git clone git@example.org:ada/own.git",
    "git clone ssh://git@example.org/ada/own.git",
    "url = f'postgresql://{user}:{password}@{host}/x'",
    "url = 'postgresql://$USER:$PASSWORD@localhost/x'",
    "headers = {'Authorization': f'Bearer {token}'}",
    "print(f'token={token}')",
    "print('token=', token, 'and more')",
    "password = getpass.getpass('Password: ')",
    'connect(getpass("Password: "), host="example.org")',
    "token = os.environ['API_TOKEN']",
    "connect(password=settings.password, token=load_token())",
    "tokenizer = AutoTokenizer.from_pretrained('bert-base-uncased')",
    "tokenizer.pad_token = '<|endoftext|>'",
    "eos_token = '[END_OF_TEXT]'",
    "if token == 'the':\n    continue",
    "for token in tokens: counts[token] += 1",
    "if not token: continue",
    "frame[['password', 'length', 'strength']]",
    "frame.groupby(['token', 'sentence_number'])",
    "pd.read_csv(file, dtype={'password': 'string', 'token': 'category'})",
    "def login(user: str, password: str, token: Token | None = None) -> Session: ...",
    "password: SecretStr",
    "from secrets import token_hex",
    "secret_name = 'production/database'",
    "auth = HTTPBasicAuth(user, password)",
    "basic statistics of the columns",
    "Basic understanding of bearer certificates",
    "credentials = '/home/ada/keys/service.json'",
    "x = 'sk-learn-contrib-something'",
    "monkey = 'banana_split'",
    "compass = 'north-north-west'",
    "author = 'Ada Lovelace'",
    "n_keys = 12345678",
    "https://example.org:8080/path@2x.png",
    "https://medium.com/@ada/a-story-about-passwords",
    "see RFC 7519: JSON Web Token (JWT)",
    "if '-----BEGIN PRIVATE KEY-----' in text:\n    raise ValueError(text)",
    "12:30:45 INFO epoch 3: loss 0.123456",
    "src/train.py:5432:model:fit: done",
    "passed = 12345678",
    "signature = inspect.signature(function)",
    "session = requests.Session()",
    "cookies = 'chocolate'",
)
