#include "daemon/threads/thread_name.hpp"

#include <pthread.h>

namespace dynavg::daemon {

void name_this_thread(const char* name) {
    pthread_setname_np(pthread_self(), name);
}

}  // namespace dynavg::daemon
