// Answers for libnccl, in front of the emulated driver: ranks are threads or processes of one machine, each with a library of its own, that pass messages
// as files. An exchange is work of its stream; where another rank's part is not there yet, the stream waits, and events behind it are not ready.
#pragma once
#include <memory>

struct UniqueId { char data[128]; };
struct Communicator { std::string folder; int rank, size; std::vector<long> sent, taken; std::shared_ptr<bool> ended = std::make_shared<bool>(false); };
struct Message { std::string file; Address memory; size_t bytes; };
struct Round { std::vector<Message> out, in; bool done = false; };

static long messages;
static int group_depth;
static std::shared_ptr<Round> group_round;
static Communicator* group_communicator;
static void* group_stream;

static bool send_file(const Message& message) {
    std::string part = message.file + ".part";
    FILE* file = fopen(part.c_str(), "w");
    if (!file) return false;
    fwrite(own(message.memory), 1, message.bytes, file);
    fclose(file);
    return rename(part.c_str(), message.file.c_str()) == 0;
}

static bool take_file(const Message& message) {
    FILE* file = fopen(message.file.c_str(), "r");
    if (!file) return false;
    size_t read = fread(own(message.memory), 1, message.bytes, file);
    fclose(file);
    unlink(message.file.c_str());
    if (read != message.bytes) fail(LaunchFailed, "a rank sent fewer numbers than another expects");
    return true;
}

static std::string message_name(Communicator* c, int from, int to, long number) {
    return c->folder + "/" + std::to_string(from) + "-" + std::to_string(to) + "-" + std::to_string(number);
}

static int add_round(Communicator* c, std::shared_ptr<Round> round, void* stream, std::function<void()> then = [] {}) {
    std::shared_ptr<bool> ended = c->ended;
    return add(stream, [=] {
        if (*ended) return;
        if (!round->done) for (auto& message : round->out) messages += send_file(message);
        round->done = true;
        while (!round->in.empty()) {
            if (!take_file(round->in.back())) throw NotYet();
            round->in.pop_back();
        }
        then();
    });
}

static int add_message(Address memory, size_t count, int peer, Communicator* c, void* stream, bool out) {
    if (!inside(memory, count * 4)) return fail(InvalidValue, "an exchange does not lie in a block");
    std::shared_ptr<Round> round = group_depth ? group_round : std::make_shared<Round>();
    std::string file = out ? message_name(c, c->rank, peer, c->sent[peer]++) : message_name(c, peer, c->rank, c->taken[peer]++);
    (out ? round->out : round->in).push_back({file, memory, count * 4});
    group_communicator = c;
    group_stream = stream;
    return group_depth ? 0 : add_round(c, round, stream);
}

extern "C" {
int ncclGetVersion(int* version) { return *version = 22105, 0; }
const char* ncclGetErrorString(int code) { return code == 6 ? "remote process exited or there was a network error" : "internal error"; }
int ncclGetUniqueId(UniqueId* id) {
    memset(id, 0, sizeof *id);
    strcpy(id->data, "/tmp/nccl-XXXXXX");
    return mkdtemp(id->data) ? 0 : 2;
}
int ncclCommInitRank(void** communicator, int size, UniqueId id, int rank) {
    Communicator* c = new Communicator{id.data, rank, size, std::vector<long>(size), std::vector<long>(size)};
    fclose(fopen((c->folder + "/here-" + std::to_string(rank)).c_str(), "w"));
    for (int other = 0; other < size; other++)
        while (access((c->folder + "/here-" + std::to_string(other)).c_str(), R_OK) != 0) usleep(1000);
    return *communicator = c, 0;
}
int ncclGroupStart() {
    Locked _;
    if (!group_depth++) group_round = std::make_shared<Round>();
    return 0;
}
int ncclGroupEnd() {
    Locked _;
    return --group_depth ? 0 : add_round(group_communicator, group_round, group_stream);
}
int ncclSend(Address from, size_t count, int, int peer, void* c, void* stream) {
    Locked _;
    return add_message(from, count, peer, (Communicator*)c, stream, true);
}
int ncclRecv(Address to, size_t count, int, int peer, void* c, void* stream) {
    Locked _;
    return add_message(to, count, peer, (Communicator*)c, stream, false);
}
int ncclAllGather(Address from, Address to, size_t count, int type, void* handle, void* stream) {
    Communicator* c = (Communicator*)handle;
    ncclGroupStart();
    int code = 0;
    for (int peer = 0; peer < c->size; peer++) {
        code = code ? code : ncclSend(from, count, type, peer, c, stream);
        code = code ? code : ncclRecv(to + peer * count * 4, count, type, peer, c, stream);
    }
    return code ? code : ncclGroupEnd();
}
// Sums from the last rank on: another order than that of the ranks, as the library may have.
int ncclAllReduce(Address from, Address to, size_t count, int, int, void* handle, void* stream) {
    Locked _;
    Communicator* c = (Communicator*)handle;
    if (!inside(from, count * 4) || !inside(to, count * 4)) return fail(InvalidValue, "a sum does not lie in a block");
    size_t bytes = count * 4, room = bytes * c->size;
    Address parts;
    if (int code = cuMemAlloc_v2(&parts, room)) return code;
    std::shared_ptr<Round> round = std::make_shared<Round>();
    for (int peer = 0; peer < c->size; peer++) {
        round->out.push_back({message_name(c, c->rank, peer, c->sent[peer]++), from, bytes});
        round->in.push_back({message_name(c, peer, c->rank, c->taken[peer]++), parts + peer * bytes, bytes});
    }
    int size = c->size;
    return add_round(c, round, stream, [=] {
        float* sum = (float*)own(to);
        for (size_t i = 0; i < count; i++) {
            float s = 0;
            for (int peer = size - 1; peer >= 0; peer--) s += ((float*)own(parts))[peer * count + i];
            sum[i] = s;
        }
        size_t offset = (char*)parts - shown;
        in_use -= live[offset].first;
        free_blocks.insert({live[offset].first, offset});
        live.erase(offset);
    });
}
int ncclCommGetAsyncError(void*, int* error) { return *error = 0, 0; }
int ncclCommAbort(void* handle) {
    Locked _;
    *((Communicator*)handle)->ended = true;
    return 0;
}
int ncclCommDestroy(void*) { return 0; }
}
