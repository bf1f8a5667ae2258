#pragma once

namespace dynavg::daemon {

/// Names the calling thread, for top, gdb and perf; at most 15 characters.
void name_this_thread(const char* name);

}  // namespace dynavg::daemon
