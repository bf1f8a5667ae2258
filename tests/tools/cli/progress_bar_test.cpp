#include "tools/cli/progress_bar.hpp"

#include "tests/catch.hpp"

using dynavg::cli::grid_line;
using dynavg::cli::GridProgress;
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

TEST_CASE("the line of a grid says which run, how far and how long", "[progress_bar]") {
    const GridProgress progress{.finished_before = 10,
                                .runs = 20,
                                .ended = 4,
                                .running = 2,
                                .running_share = 1.0,
                                .current = "linear-threshold-3-seed-1 step 10/20"};
    // A quarter took a minute.
    CHECK(grid_line(progress, 60, 200) ==
          "[=====               ]  25 %  run 16 of 30  3 min 00 s left  "
          "linear-threshold-3-seed-1 step 10/20");
    CHECK(grid_line(progress, 60, 30) == "[=====               ]  25 %  ");
    CHECK(grid_line({.finished_before = 0,
                     .runs = 2,
                     .ended = 0,
                     .running = 1,
                     .running_share = 0,
                     .current = "a"},
                    0, 200) == "[                    ]   0 %  run 1 of 2  a");
}
