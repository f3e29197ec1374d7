"""Attributes and items: what reading one gives, and what storing one changes."""

from __future__ import annotations

import ast

from trackbook.cells.catalogue import MAPPINGS, MUTATING_METHODS, VIEW_METHODS
from trackbook.cells.memory import VALUE
from trackbook.cells.parts import Parts, constant, has_fields, is_selection, key_of, texts_of
from trackbook.cells.texts import attribute_of_text
from trackbook.cells.values import CONTAINERS, IMMUTABLE, NOTHING, Class, Function, Thing, Things, in_order

_BY_LABEL = frozenset({"loc", "at"})


class Places(Parts):
    """Reads and writes places: what an attribute or an item of things may be."""

    def evaluate(self, node: ast.expr | None) -> Things:
        raise NotImplementedError

    def invoke(self, function: Function, args: list[Things], keywords: dict[str, Things], line: int) -> Things:
        raise NotImplementedError

    def operate(self, things: Things, line: int) -> Things:
        raise NotImplementedError

    def locate(self, node: ast.expr) -> Things:
        """Evaluate what an attribute or item is taken of; of names, what they hold is not read but for that part."""
        if isinstance(node, ast.Name):
            return self.read(node.id, self.line(node), shallow=True)
        if isinstance(node, ast.Attribute):
            return self.attribute(self.locate(node.value), node.attr, self.line(node))
        if isinstance(node, ast.Subscript):
            return self.item(node)
        return self.evaluate(node)

    def base(self, node: ast.expr) -> Things:
        """Evaluate what is called on or stored into; of a module only the attribute itself is read."""
        things = self.locate(node)
        if isinstance(node, ast.Name) and all(thing.kind == "library" for thing in things):
            self.look_into(things, node.id, self.line(node))
            return things
        return self.whole(things, self.line(node))

    # ---- attributes

    def _attribute(self, node: ast.Attribute) -> Things:
        line = self.line(node)
        return self.whole(self.attribute(self.locate(node.value), node.attr, line), line)

    def attribute(self, things: Things, name: str, line: int) -> Things:
        """Return what the attribute `name` of `things` may be."""
        found: set[Thing] = set()
        for thing in in_order(things):
            found |= self._attribute_of(thing, name, line)
        return frozenset(found)

    def _attribute_of(self, thing: Thing, name: str, line: int) -> Things:
        if thing.kind == "library":
            return self._library_attribute(thing, name, line)
        if thing.kind == IMMUTABLE:
            text = attribute_of_text(name, thing.const) if isinstance(thing.const, str) else None
            return VALUE if text is None else frozenset({Thing(-1, IMMUTABLE, const=text)})
        if name == "__dict__" and has_fields(thing, name):
            return self.fields(thing)
        if thing.klass is not None:
            return self._member(thing, name, line)
        if has_fields(thing, name):
            return self.pick(thing, name, line)
        self.whole(frozenset({thing}), line)
        if name in VIEW_METHODS:
            return self.within(thing)
        if name in MUTATING_METHODS and thing.kind in CONTAINERS:
            return self.new("bound", (thing,))
        return self.within(thing) | thing.held

    def _library_attribute(self, thing: Thing, name: str, line: int) -> Things:
        if (label := self.partly.get(thing)) is not None:
            self.look_into((thing,), label, line)
        found = self.known(f"{thing.path}.{name}")
        if found.path not in MAPPINGS:
            return self.read_state(f"{thing.path}.{name}", line)
        self.partly.setdefault(found, found.path)
        return frozenset({found})

    def fields(self, thing: Thing) -> Things:
        """Return the dict of the attributes of an object, which is the object in another form."""
        found = Thing(self.cell, "fields", contents={thing})
        if (label := self.partly.get(thing)) is not None:
            self.partly[found] = label
        return frozenset({found})

    def _member(self, thing: Thing, name: str, line: int) -> Things:
        assert thing.klass is not None
        members = thing.klass.find(name)
        code = any(
            member.function is not None or member.kind in {"property", "static", "classmethod"} for member in members
        )
        receiver = thing.receiver or frozenset({thing})  # `super()` finds members for another object
        held = self._held_as(thing, name, line)
        found: set[Thing] = set() if code or (members and thing.kind != "instance") else set(held)
        label = self.partly.get(thing)
        for member in in_order(members):
            if label is not None:
                self.look((member,), label, line)
            if member.kind == "property":
                for function in [item.function for item in in_order(member.contents) if item.function]:
                    found |= self.invoke(function, [receiver], {}, line)
            elif member.kind == "classmethod":
                found |= self._class_methods(thing, member)
            elif member.kind == "static":
                found |= member.contents
            elif member.function is not None and thing.kind == "instance":
                method = Thing(self.cell, "method", function=member.function, receiver=receiver, contents={thing})
                found.add(method)
                if label is not None:
                    self.partly.setdefault(method, label)
            else:
                found.add(member)
        if not members and not thing.klass.closed:
            found |= self.within(thing)
        return frozenset(found)

    def _class_methods(self, thing: Thing, member: Thing) -> Things:
        """Return the functions of a class method, with the classes that they may be called on."""
        receiver = frozenset(_classes(thing)[:1]) or frozenset({thing})
        functions = [item.function for item in in_order(member.contents) if item.function]
        return frozenset(
            Thing(self.cell, "method", function=function, receiver=receiver, contents={*receiver, member})
            for function in functions
        )

    def _held_as(self, thing: Thing, name: str, line: int) -> Things:
        """Return what an object itself holds under a name, noting whether a class of it holds something there."""
        if not has_fields(thing, name):
            self.whole(frozenset({thing, *thing.receiver}), line)
            return thing.held
        label = self.partly.get(thing)
        for klass in _classes(thing):
            if label is not None:
                self.look_into((klass, *([klass.parts[name]] if name in klass.parts else [])), label, line)
        found = self.pick(thing, name, line)
        return frozenset(item for item in found if item.kind != "class" or item.klass is not thing.klass)

    # ---- items

    def _item(self, node: ast.Subscript) -> Things:
        return self.whole(self.item(node), self.line(node))

    def item(self, node: ast.Subscript) -> Things:
        """Return what an item may be, noting only that it itself is read."""
        line = self.line(node)
        found = self._by_label(node)
        if found is not None:
            return found
        things = self.locate(node.value)
        given = self.evaluate(node.slice)
        if any(thing.kind == "namespace" for thing in things):
            return self.namespace_item(node.slice, line)
        results = set(self.operate(frozenset(thing for thing in things if thing.klass is not None), line))
        for thing in in_order(things):
            results |= self._item_of(thing, node.slice, given, line)
        return frozenset(results) or VALUE

    def _item_of(self, thing: Thing, index: ast.expr, given: Things, line: int) -> Things:
        if thing.kind == IMMUTABLE:
            return NOTHING
        if thing.kind == "fields":
            (owner,) = thing.contents
            name = constant(index)
            return self.pick(owner, name, line) if isinstance(name, str) else self.whole(frozenset({owner}), line)
        if thing.klass is not None:
            if thing.klass.closed:  # the code of the class has told
                return frozenset({thing}) if thing.kind == "class" else NOTHING
            return self.within(thing) | thing.held
        key = key_of(thing, constant(index))
        if key is not None:
            return self.pick(thing, key, line)
        names = texts_of(index) if isinstance(index, ast.List) and thing.kind in {"frame", "unknown"} else None
        if names is not None and thing.base is None:
            for name in names:
                self.whole(self.pick(thing, name, line), line)
            return self.new(thing.kind)
        self.whole(frozenset({thing}), line)
        if thing.kind in CONTAINERS:
            return self.new(thing.kind, thing.held) if isinstance(index, ast.Slice) else thing.held
        if thing.kind != "library" and is_selection(index, given):
            return self.new("frame" if thing.kind == "frame" else "unknown")
        return self.within(thing) | thing.held

    def _by_label(self, node: ast.Subscript) -> Things | None:
        """Return what `frame.loc[rows, columns]` gives where the columns are spelled out, None for any other item."""
        columns = _columns(node)
        if columns is None:
            return None
        assert isinstance(node.value, ast.Attribute)
        assert isinstance(node.slice, ast.Tuple)
        line = self.line(node)
        owners, rows = self.locate(node.value.value), self.evaluate(node.slice.elts[0])
        if not owners or any(thing.kind not in {"frame", "unknown"} or thing.base is not None for thing in owners):
            return None
        found = frozenset(item for owner in owners for name in columns for item in self.pick(owner, name, line))
        if isinstance(node.slice.elts[1], ast.List) or is_selection(node.slice.elts[0], rows):
            self.whole(found, line)
            return self.new("frame" if isinstance(node.slice.elts[1], ast.List) else "unknown")
        return frozenset(item for thing in found for item in self.within(thing))

    def namespace_item(self, key: ast.expr, line: int) -> Things:
        """Return what `globals()[key]` may be; a computed key may be any name."""
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return self.read_global(key.value, line)
        found: Things = NOTHING
        for name in sorted(self.names):
            found |= self.read_global(name, line)
        return found

    # ---- storing

    def store_attribute(self, owners: Things, name: str, things: Things, line: int) -> None:
        """Store an attribute; what it replaces in an object that surely is the only one cannot be read any more."""
        for owner in owners:
            if owner.kind == "library":
                self.change_state(f"{owner.path}.{name}", line, replace=True)
                self.hold(self.known(f"{owner.path}.{name}"), things)
                continue
            self._store_member(owner, name, things)
            if has_fields(owner, name) and not _has_setter(owner, name):
                self.put(owner, name, things, line, alone=len(owners) == 1)
            else:
                self.hold(owner, things)
                self.change((owner,), line, certain=len(owners) == 1)

    def _store_member(self, owner: Thing, name: str, things: Things) -> None:
        """A function put into a class or an object may be what a later call of that name runs."""
        code = frozenset(thing for thing in things if thing.function is not None)
        if owner.klass is not None and (code or owner.kind == "class"):
            new = code if owner.kind == "instance" else things
            self.journal.put(owner.klass.members, name, owner.klass.members.get(name, NOTHING) | new)

    def store_item(self, node: ast.Subscript, things: Things, line: int) -> None:
        """Store an item."""
        if self._store_by_label(node, things, line):
            return
        owners = self.evaluate(node.value)
        self.evaluate(node.slice)
        self.operate(owners | things, line)
        for owner in owners:
            self._store_in(owner, node.slice, things, line, alone=len(owners) == 1)

    def _store_in(self, owner: Thing, index: ast.expr, things: Things, line: int, *, alone: bool) -> None:
        name = constant(index)
        key = key_of(owner, name)
        if owner.kind == "namespace":
            self._store_name(index, things, line)
        elif owner.kind == "fields" and isinstance(name, str):
            self.store_attribute(frozenset(owner.contents), name, things, line)
        elif key is not None:
            self.put(owner, key, things, line, alone=alone)
        else:
            changed = owner.contents if owner.kind == "fields" else (owner,)
            for thing in changed:
                self.hold(thing, things)
            self.change(changed, line, certain=alone)

    def _store_by_label(self, node: ast.Subscript, things: Things, line: int) -> bool:
        """Store into rows of columns that are spelled out; rows named one by one may be new ones of all columns."""
        columns = _columns(node)
        if columns is None:
            return False
        assert isinstance(node.value, ast.Attribute)
        assert isinstance(node.slice, ast.Tuple)
        owners = self.evaluate(node.value.value)
        rows = node.slice.elts[0]
        given = self.evaluate(rows)
        if not (isinstance(rows, ast.Slice) or is_selection(rows, given)):
            return False
        if any(thing.kind not in {"frame", "unknown"} or thing.base is not None for thing in owners):
            return False
        for owner in owners:
            for name in columns:
                part = self.part(owner, name)
                self.hold(part, things)
                self.change((part,), line, certain=len(owners) == len(columns) == 1)
        return True

    def _store_name(self, key: ast.expr, things: Things, line: int) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.bind_global(key.value, things, line)
        else:
            self.bind_anything(line)

    def remove(self, node: ast.Attribute | ast.Subscript) -> None:
        """Delete an attribute or item."""
        line = self.line(node)
        owners = self.base(node.value)
        key = node.attr if isinstance(node, ast.Attribute) else constant(node.slice)
        if isinstance(node, ast.Subscript):
            self.evaluate(node.slice)
        for owner in owners:
            plain = isinstance(node, ast.Subscript) and owner.kind != "list"
            parted = key_of(owner, key) is not None if plain else has_fields(owner, str(key))
            if parted and owner.kind != "list":
                self.take_out(owner, key, line, alone=len(owners) == 1)
            else:
                self.change((owner,), line, certain=len(owners) == 1)

    def take_out(self, owner: Thing, key: object, line: int, *, alone: bool) -> None:
        """Remove a part, if it is there: the next one under its key comes to another place."""
        self.put(owner, key, VALUE, line, alone=alone)
        part = self.part(owner, key)
        if part.present:
            part.present = False
            if owner.kind in {"dict", "frame", "unknown"}:
                self.change((self.part(owner, ("shape",)),), line, certain=alone)


def _columns(node: ast.Subscript) -> list[str] | None:
    """Return the columns of `frame.loc[rows, columns]`, None where they are not spelled out."""
    if not (isinstance(node.value, ast.Attribute) and node.value.attr in _BY_LABEL):
        return None
    if not (isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2):
        return None
    return texts_of(node.slice.elts[1])


def _classes(thing: Thing) -> list[Thing]:
    """Return the things of all classes of an object that the notebook defines."""
    waiting = [item for item in thing.contents if item.kind == "class"] if thing.kind == "instance" else [thing]
    found: list[Thing] = []
    while waiting:
        klass = waiting.pop()
        if klass in found:
            continue
        found.append(klass)
        waiting += klass.klass.bases if isinstance(klass.klass, Class) else ()
    return found


def _has_setter(owner: Thing, name: str) -> bool:
    """Tell whether storing an attribute may run code of the class."""
    if owner.klass is None or owner.kind != "instance":
        return False
    return any(item.function is not None or item.kind in {"property", "instance"} for item in owner.klass.find(name))


__all__ = ["Places"]
