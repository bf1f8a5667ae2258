#include "tools/audit/read_log.hpp"

#include "tools/audit/lines.hpp"

namespace dynavg::audit {

Expected<LogCounts, Error> read_log(int fd, Record& record) {
    Lines lines(fd);
    LogCounts counts;
    Entry entry;
    while (true) {
        const auto line = lines.next();
        if (!line) return Unexpected<Error>(line.error());
        if (!*line) return counts;
        ++counts.lines;
        counts.bytes += (*line)->size() + 1;
        switch (read_line(**line, entry)) {
            case LineKind::entry:
                record.add(entry);
                ++counts.events;
                break;
            case LineKind::event:
                ++counts.events;
                break;
            case LineKind::foreign:
                ++counts.foreign;
                break;
            case LineKind::garbage:
                ++counts.garbage;
                break;
        }
    }
}

}  // namespace dynavg::audit
