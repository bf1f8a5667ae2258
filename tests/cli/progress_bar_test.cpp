#include "cli/progress_bar.hpp"

#include "tests/catch.hpp"

using dynavg::cli::progress_line;
using dynavg::simulation::Progress;

TEST_CASE("a progress line says how far, how fast and how long", "[progress_bar]") {
    const Progress half{1950, 3750, 17, 0.9731};
    CHECK(progress_line(half, 10, 40, 200) ==
          "[==========          ]  52 %  step 1950/3750  17 rounds  accuracy 0.9731  488 steps/s  "
          "36 s left");
    CHECK(progress_line(half, 10, 40, 79) ==
          " 52 %  step 1950/3750  17 rounds  accuracy 0.9731  488 steps/s  36 s left");
    CHECK(progress_line(half, 10, 40, 21) == " 52 %  step 1950/3750");
    const Progress begin{0, 100, 0, std::nullopt};
    CHECK(progress_line(begin, 3, 0, 200) ==
          "[                    ]   0 %  step 0/100  0 rounds  0 steps/s");
    const Progress end{100, 100, 4, std::nullopt};
    CHECK(progress_line(end, 1, 50, 200) ==
          "[====================] 100 %  step 100/100  4 rounds  2 steps/s  0 ms left");
}
