// SPDX-License-Identifier: Apache-2.0
#include "base/ui/table.h"

#include <doctest/doctest.h>

namespace hf {

TEST_CASE("columns are as wide as their widest cell and numbers stand to the right") {
  Table table;
  table.add_column("list");
  table.add_column("asked", Table::Align::kRight);
  table.add_column("state");
  table.add_row({"zen.example", "12345", "closed"});
  table.add_row({"b.example", "7"});
  CHECK(table.render() ==
        "list         asked  state\n"
        "zen.example  12345  closed\n"
        "b.example        7\n");
}

TEST_CASE("a character of several bytes takes one place") {
  Table table;
  table.add_column("name");
  table.add_column("n");
  table.add_row({"Zürich", "1"});
  table.add_row({"Berlin", "2"});
  CHECK(table.render() == "name    n\nZürich  1\nBerlin  2\n");
}

TEST_CASE("a table without rows is its titles") {
  Table table;
  table.add_column("a");
  table.add_column("b");
  CHECK(table.render() == "a  b\n");
}

}  // namespace hf
