"""What secrets look like: tokens by their form, and the names under which other secrets are kept."""

from __future__ import annotations

import re

_FORMS = {
    # Clouds
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",  # AWS access key id
    "ASIA": r"\bASIA[0-9A-Z]{16}\b",
    "ABSK": r"\bABSK[A-Za-z0-9+/=]{60,}",  # AWS Bedrock
    "AIza": r"\bAIza[0-9A-Za-z_-]{30,}",  # Google
    "ya29.": r"\bya29\.[0-9A-Za-z_-]{20,}",
    "GOCSPX-": r"\bGOCSPX-[0-9A-Za-z_-]{20,}",
    "1//0": r"(?<![\w/])1//0[0-9A-Za-z_-]{30,}",
    "AccountKey=": r"(?P<keep>\bAccountKey=)[A-Za-z0-9+/=]{20,}",  # Azure
    "SharedAccessKey=": r"(?P<keep>\bSharedAccessKey=)[A-Za-z0-9+/=]{20,}",
    "8Q~": r"\b[\w.~-]{3}8Q~[\w.~-]{31,}",
    "LTAI": r"\bLTAI[A-Za-z0-9]{16,24}\b",  # Alibaba
    "dop_v1_": r"\bdop_v1_[0-9a-f]{64}\b",  # DigitalOcean
    "doo_v1_": r"\bdoo_v1_[0-9a-f]{64}\b",
    "dor_v1_": r"\bdor_v1_[0-9a-f]{64}\b",
    "HRKU-": r"\bHRKU-[0-9A-Za-z_-]{30,}",  # Heroku
    "dapi": r"\bdapi[0-9a-f]{32}(?:-\d)?\b",  # Databricks
    "pscale_": r"\bpscale_(?:tkn|pw|oauth)_[\w.-]{30,}",
    "sbp_": r"\bsbp_[0-9a-f]{40}\b",  # Supabase
    # Code and packages
    **{f"gh{kind}_": rf"\bgh{kind}_[A-Za-z0-9]{{20,255}}\b" for kind in "opsur"},  # GitHub
    "github_pat_": r"\bgithub_pat_[A-Za-z0-9_]{20,255}\b",
    **{f"{kind}-": rf"\b{kind}-[A-Za-z0-9_.-]{{16,}}" for kind in ("glpat", "gldt", "glrt", "glcbt", "glptt", "gloas")},
    "ATBB": r"\bATBB[A-Za-z0-9]{24,}\b",  # Bitbucket
    "ATCTT3x": r"\bATCTT3x[A-Za-z0-9_=-]{40,}",
    "ATATT3x": r"\bATATT3x[A-Za-z0-9_=-]{40,}",  # Atlassian
    "pypi-": r"\bpypi-[A-Za-z0-9_-]{16,}",
    "npm_": r"\bnpm_[A-Za-z0-9]{20,}\b",
    "dckr_pat_": r"\bdckr_pat_[A-Za-z0-9_-]{20,}",  # Docker
    "oy2": r"\boy2[a-z0-9]{43}\b",  # NuGet
    "rubygems_": r"\brubygems_[0-9a-f]{40,}\b",
    "cio": r"\bcio[A-Za-z0-9]{32}\b",  # crates.io
    "CCIPAT_": r"\bCCIPAT_\w{20,}",
    # Models and data
    "sk-": r"\bsk-(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{16,}",  # OpenAI, Anthropic and their like
    "hf_": r"\bhf_[A-Za-z0-9]{20,}\b",  # Hugging Face
    "api_org_": r"\bapi_org_[A-Za-z0-9]{20,}\b",
    "gsk_": r"\bgsk_[A-Za-z0-9]{40,}\b",  # Groq
    "xai-": r"\bxai-[A-Za-z0-9]{40,}\b",
    "pplx-": r"\bpplx-[A-Za-z0-9]{30,}\b",
    "r8_": r"\br8_[A-Za-z0-9]{30,}\b",  # Replicate
    "pcsk_": r"\bpcsk_[A-Za-z0-9_]{30,}\b",  # Pinecone
    "lsv2_": r"\blsv2_(?:pt|sk)_[0-9a-f_]{30,}\b",  # LangSmith
    "tvly-": r"\btvly-[A-Za-z0-9-]{20,}",
    "eyJhcGlf": r"\beyJhcGlf[A-Za-z0-9+/=_-]{40,}",  # Neptune
    # Talk and mail
    "xox": r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{8,}",  # Slack
    "xapp-": r"\bxapp-\d-[A-Za-z0-9-]{20,}",
    "hooks.slack.com/": r"(?P<keep>\bhooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]{8,}",
    "/api/webhooks/": r"(?P<keep>\bdiscord(?:app)?\.com/api/webhooks/)\d{8,}/[\w-]{20,}",
    "webhook.office.com/": r"(?P<keep>\bwebhook\.office\.com/)[\w/@-]{20,}",
    ":AA": r"(?<!\w)\d{8,10}:AA[\w-]{32,}",  # Telegram
    "SK": r"\bSK[0-9a-f]{32}\b",  # Twilio
    "SG.": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    "key-": r"\bkey-[0-9a-f]{32}\b",  # Mailgun
    "-us": r"\b[0-9a-f]{32}-us\d{1,2}\b",  # Mailchimp
    # Payment, watching, secrets
    **{
        f"{kind}_{mode}_": rf"\b{kind}_{mode}_[A-Za-z0-9]{{10,}}\b"
        for kind in ("sk", "rk")
        for mode in ("live", "test")
    },
    "whsec_": r"\bwhsec_[A-Za-z0-9+/=]{20,}",  # Stripe
    **{f"shp{kind}_": rf"\bshp{kind}_[0-9a-fA-F]{{32}}\b" for kind in ("at", "ca", "pa", "ss")},
    "sq0": r"\bsq0[a-z]{3}-[\w-]{20,}",  # Square
    "NRAK-": r"\bNRAK-[A-Z0-9]{20,}\b",  # New Relic
    "sntry": r"\bsntry[su]_[\w+/=.-]{30,}",  # Sentry
    "glsa_": r"\bglsa_[A-Za-z0-9_]{30,}\b",  # Grafana
    "glc_": r"\bglc_[A-Za-z0-9+/=]{30,}",
    "PMAK-": r"\bPMAK-[0-9a-f-]{40,}\b",  # Postman
    "dp.": r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{30,}",  # Doppler
    "lin_api_": r"\blin_api_[A-Za-z0-9]{30,}\b",
    "ntn_": r"\bntn_[A-Za-z0-9]{30,}\b",  # Notion
    "figd_": r"\bfigd_[\w-]{30,}",
    "pul-": r"\bpul-[0-9a-f]{40}\b",  # Pulumi
    ".atlasv1.": r"\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{30,}",  # Terraform
    "AGE-SECRET-KEY-1": r"\bAGE-SECRET-KEY-1[0-9A-Z]{30,}",
    **{f"hv{kind}.": rf"\bhv{kind}\.[\w-]{{20,}}" for kind in "sbr"},  # Vault
    "eyJ": r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # JSON web token
    # Files of well-known programs
    '"key"': r"""(?P<keep>["']username["']\s{0,9}:\s{0,9}["'][^"'\n]{1,99}["']\s{0,9},\s{0,9}["']key["']\s{0,9}"""
    r""":\s{0,9}["'])[0-9a-f]{32}""",  # kaggle.json
    "login(": r"""(?P<keep>login\([^()\n]{0,99}?\b(?:key|token)\s{0,9}=\s{0,9}["'])[^"'\n]{16,}""",  # wandb.login
    "Private-Lines:": r"(?P<keep>(?i:private-lines):\s{0,9}\d{1,3}\n)(?:[A-Za-z0-9+/=]{1,99}\n?){1,200}",  # PuTTY
}
# A Discord token has no mark of its own: it is looked for where Discord is spoken of.
_DISCORD = r"\b[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,40}"

_LINES = {
    # Short passwords in the lines of well-known programs
    "password ": r"(?P<keep>\b(?:login|account)\s{1,9}\S{1,99}\s{1,9}password\s{1,9})[^\s'\"]{1,999}",  # .netrc
    ":54": r"(?m)(?P<keep>(?:^|(?<=[\s'\"]))[\w.*-]{1,99}:54\d\d:[\w*-]{1,64}:[\w*.-]{1,64}:)"  # .pgpass
    r"[^\s:'\"]{1,999}(?=['\"]?$)",
    "*:*": r"(?m)(?P<keep>^[\w.*-]{1,99}:\*:[\w*-]{1,64}:[\w*.-]{1,64}:)[^\s:]{1,999}$",
    " -u": r"(?P<keep>\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]['\"]?[^\s:'\"]{1,99}:)[^\s'\"]{1,999}",
    " -p": r"(?P<keep>\b(?:mysql|mysqldump|sshpass|docker login|mongo)\b[^\n]{0,200}?\s-p\s?['\"]?)"
    r"[^\s'\"=-][^\s'\"]{3,999}",
}

Forms = tuple[tuple[str, str], ...]

FORMS: Forms = tuple({**_FORMS, "iscord": _DISCORD}.items())
"""A literal and a pattern each; a text without the literal has no secret of the form: to look for it is a hundred
times faster than to match, and few of the patterns are ever compiled."""

LINES: Forms = tuple(_LINES.items())
"""The same, for secrets that may be shorter than `LONG`."""

LONG = b"x" * 18
_WORD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_TO_WORDS = bytes.maketrans(_WORD, b"x" * len(_WORD))


def has_long_word(text: str) -> bool:
    """Say whether a text has a word as long as all tokens are, that is, whether `FORMS` need be looked for."""
    return LONG in text.encode("ascii", "replace").translate(_TO_WORDS)


WORDS = ("pass", "pwd", "secret", "token", "key", "auth", "credential", "sess", "sig=")
"""Every name of a secret has one of these in it, in lower case."""

_KEYS = r"(?:api|app|application|access|private|secret|signing|encryption|account|master|service|subscription|shared"
_KEYS += r"|storage|license|auth|client|deploy|ssh|rsa|hmac|jwt|webhook)[_-]?key"
_ENDING = r"(?:[_-]?(?:\d{1,3}|b64|base64|encoded|plain|plaintext|raw|prod|production|dev|staging|old|new|hash|data))?"
_STRONG = r"pass(?:word|wd|phrase|code)?|pwd|secrets?"
_WEAK = (
    rf"token|{_KEYS}|(?:access|private)[_-]?key[_-]?id|auth|authorization|credentials?|session[_-]?(?:id|key)"
    r"|sessid|sig"
)
# A whole word of a name, at its end: `api_key` and `dbPassword`, but neither `monkey` nor `max_tokens`.
_START = r"(?:(?<![A-Za-z])|(?-i:(?<=[a-z])(?=[A-Z]))|(?<=(?<![a-z])db)|(?<=(?<![a-z])user)|(?<=(?<![a-z])my))"
_JOINED = r"password|passwd|passphrase|apikey|secretkey|clientsecret"
_JOINED_WEAK = r"authtoken|accesstoken|refreshtoken|privatekey|accesskey|phpsessid|jsessionid"

STRONG_NAME = re.compile(rf"(?:{_START}(?:{_STRONG})|(?:{_JOINED})){_ENDING}\Z", re.IGNORECASE)
"""Whatever such a name is given is a secret."""

WEAK_NAME = re.compile(rf"(?:{_START}(?:{_WEAK})|(?:{_JOINED_WEAK})){_ENDING}\Z", re.IGNORECASE)
"""What such a name is given is a secret when it looks like one: a `token` may be a word, and `auth` a method."""

COMMON_NAME = re.compile(
    r"(?:\A|[._-])(?:pad|eos|bos|unk|cls|sep|mask|special|stop|start|end|next|prev|previous|oov|blank|sentinel|first"
    r"|last|current|input|output|target|word|sub|image|audio|video|per)[_-]?token\Z",
    re.IGNORECASE,
)
"""Tokens of texts."""

_INSIDE = r"\{[^{}\n]*\}|\$\{?\w+\}?|\$\([^()\n]*\)|%\(\w+\)s|%s|<[^<>\n]*>|\[[A-Za-z_]{1,16}\]"
PLACEHOLDER = re.compile(
    rf"(?:(?:bearer|basic|token)\s+)?(?:{_INSIDE})(?:[:@/.]?(?:{_INSIDE}))*|[*.x•…]+|-+|redacted|changeme"
    r"|none|null|nil|true|false|str|string|bytes|int\d*|float\d*|object|category|bool|boolean|count|sum|mean|median"
    r"|first|last|nunique|size|min|max|std|any|all|optional|required|hidden|missing|invalid|unset"
    r"|password|passwd|secret|token|api_?key|auth|basic|bearer|digest|oauth2?|include|omit|default"
    r"|secretstr|optional\[.*|your[_-]\S*",
    re.IGNORECASE,
)
"""A value that stands for a secret which is elsewhere, or for none."""
