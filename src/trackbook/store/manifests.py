"""Objects that list other objects: what every reader of the store must know about them, whatever else they hold.

A manifest is compressed msgpack, a map.  Its `parts` are the digests of all objects that it is made of, 32 bytes
each, every one once; the rest of it, which only the room that wrote it understands, names them by their places.
"""

from __future__ import annotations

import msgspec

from trackbook.errors import IntegrityError

FORMATS = frozenset({"blocks", "chunks", "tree"})
"""The formats of dataset versions whose digest is that of a manifest; of any other it is the content's own."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The part that all manifests have; `trackbook.data` adds the rest."""

    parts: tuple[bytes, ...]

    def part(self, place: int) -> str:
        """Return the digest of part number `place`; raises IntegrityError when there is none."""
        if not 0 <= place < len(self.parts):
            raise IntegrityError(f"a manifest of {len(self.parts)} parts names part {place}; run `trackbook fsck`")
        return self.parts[place].hex()


def parts_of(content: bytes) -> list[str]:
    """Return the digests of the objects that the manifest `content` is made of; raises IntegrityError for no manifest.

    Parts are objects, never manifests themselves.
    """
    try:
        manifest = msgspec.msgpack.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"a manifest cannot be read ({error}); run `trackbook fsck`") from error
    return [part.hex() for part in manifest.parts]
