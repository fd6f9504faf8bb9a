"""Comparison operators of packs, by name."""


def compare(operator: str, a: object, b: object) -> bool:
    """Return what a comparison of two integers is."""
    if operator == "<":
        return a < b  # type: ignore[operator]
    if operator == "<=":
        return a <= b  # type: ignore[operator]
    if operator == ">":
        return a > b  # type: ignore[operator]
    if operator == ">=":
        return a >= b  # type: ignore[operator]
    return a == b if operator == "==" else a != b
