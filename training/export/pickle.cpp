#include "training/export/pickle.hpp"

#include <cstdint>
#include <string_view>

#include <fmt/format.h>

// Protocol 2 of Python's pickle; Lib/pickletools.py describes each operation.

namespace dynavg::training {

namespace {

class Pickler {
public:
    /// Its arguments, a tuple, come next, then reduce().
    void global(std::string_view module, std::string_view name) {
        m_bytes += fmt::format("c{}\n{}\n", module, name);
    }
    void mark() { m_bytes += '('; }
    void tuple() { m_bytes += 't'; }
    void empty_tuple() { m_bytes += ')'; }
    void reduce() { m_bytes += 'R'; }
    void persistent_id() { m_bytes += 'Q'; }
    void new_false() { m_bytes += '\x89'; }
    void set_items() { m_bytes += 'u'; }
    void text(std::string_view text) {
        m_bytes += 'X';
        u32(text.size());
        m_bytes += text;
    }
    /// Signed and of 32 bits: a model has less than 2^30 values.
    void integer(std::size_t value) {
        m_bytes += 'J';
        u32(value);
    }
    void integers(const std::vector<std::size_t>& values) {
        mark();
        for (const std::size_t value : values) integer(value);
        tuple();
    }
    [[nodiscard]] std::string finish() { return m_bytes + '.'; }

private:
    void u32(std::size_t value) {
        for (unsigned i = 0; i < 4; ++i) {
            m_bytes += static_cast<char>(static_cast<unsigned char>(value >> (8U * i)));
        }
    }
    std::string m_bytes = "\x80\x02";
};

/// Row-major.
std::vector<std::size_t> strides_of(const std::vector<std::size_t>& shape) {
    std::vector<std::size_t> strides(shape.size());
    std::size_t stride = 1;
    for (std::size_t i = shape.size(); i > 0; --i) {
        strides[i - 1] = stride;
        stride *= shape[i - 1];
    }
    return strides;
}

void add_empty_dict(Pickler& pickler) {
    pickler.global("collections", "OrderedDict");
    pickler.empty_tuple();
    pickler.reduce();
}

/// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks).
void add_tensor(Pickler& pickler, const NamedTensor& tensor, std::size_t storage) {
    pickler.global("torch._utils", "_rebuild_tensor_v2");
    pickler.mark();
    pickler.mark();
    pickler.text("storage");
    pickler.global("torch", "FloatStorage");
    pickler.text(fmt::to_string(storage));
    pickler.text("cpu");
    pickler.integer(tensor.values.size());
    pickler.tuple();
    pickler.persistent_id();
    pickler.integer(0);
    pickler.integers(tensor.shape);
    pickler.integers(strides_of(tensor.shape));
    pickler.new_false();
    add_empty_dict(pickler);
    pickler.tuple();
    pickler.reduce();
}

}  // namespace

std::string pickled_state_dict(const std::vector<NamedTensor>& tensors) {
    Pickler pickler;
    add_empty_dict(pickler);
    pickler.mark();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        pickler.text(tensors[i].name);
        add_tensor(pickler, tensors[i], i);
    }
    pickler.set_items();
    return pickler.finish();
}

}  // namespace dynavg::training
