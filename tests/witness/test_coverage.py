"""Which files a test file tests, by its imports."""

from __future__ import annotations

from habitus_server.coverage import covered

FILES = {
    "shop/__init__.py",
    "shop/cart.py",
    "shop/prices.py",
    "src/tools/cut.py",
    "server/app/store.py",
    "tests/scene.py",
    "tests/unit/test_cart.py",
}


def of(text: str, path: str = "tests/unit/test_cart.py") -> tuple[str, ...]:
    return covered(path, text, FILES.__contains__, ["server", "shop"])


def test_an_imported_module_is_covered() -> None:
    assert of("import shop.cart\n") == ("shop/cart.py",)


def test_a_name_taken_from_a_package_may_be_a_module() -> None:
    assert of("from shop import cart, VERSION\n") == ("shop/__init__.py", "shop/cart.py")


def test_an_import_inside_a_function_counts_too() -> None:
    assert of("def test():\n    from shop.prices import total\n") == ("shop/prices.py",)


def test_packages_below_a_source_folder_are_found() -> None:
    assert of("import app.store\nimport tools.cut\n") == ("server/app/store.py", "src/tools/cut.py")


def test_a_module_beside_the_tests_is_found() -> None:
    assert of("from scene import Scene\n") == ("tests/scene.py",)


def test_a_relative_import_starts_from_the_file() -> None:
    assert of("from ..scene import Scene\n") == ("tests/scene.py",)


def test_a_relative_import_beyond_the_root_covers_nothing() -> None:
    assert of("from ..... import scene\n") == ()


def test_modules_from_elsewhere_are_left_out() -> None:
    assert of("import os, pytest\nfrom collections import abc\n") == ()


def test_a_test_of_another_language_covers_itself_alone() -> None:
    assert of("import shop.cart\n", "tests/cart.test.ts") == ()
