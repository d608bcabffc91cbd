// Answers for libcuda, libnvrtc and libcublasLt on a machine without a GPU, for tests. Work waits in its stream until somebody waits for it, so that a
// missing event, a staging buffer written too early or a number read too soon shows. Device addresses lie in memory without any access, so that a touch by
// the host ends the process; new memory is NaN; a guard stands behind every block. Kernels are compiled by g++ (cuda_on_cpu.h).
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

typedef uint64_t Address;
enum { InvalidValue = 1, OutOfMemory = 2, NotFound = 500, NotReady = 600, LaunchFailed = 719, CompilationFailed = 6, NotSupported = 15 };

static const size_t HeapBytes = 8ull << 30, Guard = 256;
static std::recursive_mutex gate;
static char *heap, *shown;
static size_t end_of_used, memory = 4ull << 30, in_use;
static std::multimap<size_t, size_t> free_blocks;                    // size and offset
static std::map<size_t, std::pair<size_t, size_t>> live;             // offset, size with guard, size asked for
static std::map<char*, size_t> pinned;
static long allocations, launches, products, syncs, graphs, asked;
static int sticky;
static std::string trouble;

struct Locked { std::lock_guard<std::recursive_mutex> lock{gate}; };

static void open_heap() {
    if (heap) return;
    shown = (char*)mmap(nullptr, HeapBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    heap = (char*)mmap(nullptr, HeapBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static char* own(Address address) { return (char*)address - shown + heap; }

static int fail(int code, const std::string& what) {
    if (!sticky) {
        sticky = code;
        trouble = what;
    }
    return sticky;
}

// Whether [address, address + bytes) lies in one block that is in use.
static bool inside(Address address, size_t bytes) {
    size_t offset = (char*)address - shown;
    auto it = live.upper_bound(offset);
    if (it == live.begin()) return false;
    --it;
    return offset + bytes <= it->first + it->second.second;
}

static bool guards_hold() {
    for (auto& block : live)
        for (size_t i = block.second.second; i < block.second.first; i++)
            if ((unsigned char)heap[block.first + i] != 0xff) return false;
    return true;
}

// ---- streams and events: work waits until it must be done

typedef std::function<void()> Work;
struct Event { long recorded = 0, done = 0; struct Stream* stream = nullptr; };
struct Stream { std::deque<Work> work; std::vector<Work>* capture = nullptr; };
struct Graph { std::vector<Work> work; };
static std::vector<Stream*> streams;

// What a work does that waits for another rank (nccl_on_cpu.h): it stays the first of its stream.
struct NotYet {};

static bool step(Stream* stream) {
    Work next = std::move(stream->work.front());
    stream->work.pop_front();
    try {
        next();
        return true;
    } catch (NotYet&) {
        stream->work.push_front(std::move(next));
        return false;
    }
}

static bool drain(Stream* stream) {
    while (!stream->work.empty())
        if (!step(stream)) return false;
    return true;
}

static bool drain_until(Event* event, long number) {
    while (event->done < number && event->stream && !event->stream->work.empty())
        if (!step(event->stream)) return false;
    return true;
}

// Tries again, without the lock, until it holds.
template <class F> static void until(F done) {
    for (;;) {
        {
            Locked _;
            if (done()) return;
        }
        usleep(500);
    }
}

static int add(void* stream, Work work) {
    if (sticky) return sticky;
    Stream* s = (Stream*)stream;
    if (s->capture) s->capture->push_back(std::move(work));
    else s->work.push_back(std::move(work));
    return 0;
}

static int drained() {
    for (Stream* s : streams)
        while (!drain(s)) usleep(500);
    return sticky;
}

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int* version) { return *version = 12040, 0; }
static int cards() { return getenv("ADAPTFORMER_EMULATED_CARDS") ? atoi(getenv("ADAPTFORMER_EMULATED_CARDS")) : 1; }
int cuDeviceGetCount(int* n) { return *n = cards(), 0; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, ordinal < cards() ? 0 : 101; }
int cuDeviceGetName(char* name, int length, int) { return snprintf(name, length, "CUDA emulator"), 0; }
int cuDeviceGetAttribute(int* value, int attribute, int) { return *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 16 ? 132 : 0, 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = memory, 0; }
int cuDevicePrimaryCtxRetain(void** context, int) { return *context = (void*)1, 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuMemGetInfo_v2(size_t* available, size_t* total) { return *available = memory - in_use, *total = memory, 0; }
int cuGetErrorName(int code, const char** name) {
    *name = code == OutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : code == LaunchFailed ? "CUDA_ERROR_LAUNCH_FAILED" : code == NotFound ? "CUDA_ERROR_NOT_FOUND"
        : "CUDA_ERROR_INVALID_VALUE";
    return 0;
}
int cuGetErrorString(int, const char** text) { return *text = trouble.c_str(), 0; }

int cuStreamCreate(void** stream, unsigned) {
    Locked _;
    streams.push_back(new Stream());
    return *stream = streams.back(), 0;
}
int cuStreamSynchronize(void* stream) {
    {
        Locked _;
        if (((Stream*)stream)->capture) return fail(900, "a stream that is captured cannot be waited for");
        syncs++;
    }
    until([=] { return drain((Stream*)stream); });
    return sticky;
}
int cuStreamWaitEvent(void* stream, void* event, unsigned) {
    Locked _;
    Event* e = (Event*)event;
    long number = e->recorded;
    return add(stream, [=] { if (!drain_until(e, number)) throw NotYet(); });
}
int cuEventCreate(void** event, unsigned) { return *event = new Event(), 0; }
int cuEventRecord(void* event, void* stream) {
    Locked _;
    Event* e = (Event*)event;
    e->stream = (Stream*)stream;
    long number = ++e->recorded;
    return add(stream, [=] { e->done = number; });
}
int cuEventSynchronize(void* event) {
    Event* e = (Event*)event;
    until([=] { return drain_until(e, e->recorded); });
    return sticky;
}
int cuEventQuery(void* event) {
    Locked _;
    Event* e = (Event*)event;
    bool ready = drain_until(e, e->recorded);
    return sticky ? sticky : ready ? 0 : NotReady;
}
int cuEventElapsedTime(float* ms, void*, void*) { return *ms = 1, 0; }

int cuMemAlloc_v2(Address* address, size_t bytes) {
    Locked _;
    open_heap();
    size_t size = (bytes + 255) / 256 * 256 + Guard;
    if (in_use + size > memory) return trouble = "out of memory", OutOfMemory;
    allocations++;
    auto it = free_blocks.find(size);
    size_t offset = end_of_used;
    if (it != free_blocks.end()) {
        offset = it->second;
        free_blocks.erase(it);
    } else if ((end_of_used += size) > HeapBytes) return trouble = "out of memory", OutOfMemory;
    live[offset] = {size, bytes};
    in_use += size;
    memset(heap + offset, 0xff, size);
    return *address = (Address)(shown + offset), 0;
}
int cuMemFree_v2(Address address) {
    Locked _;
    drained();
    size_t offset = (char*)address - shown;
    auto it = live.find(offset);
    if (it == live.end()) return InvalidValue;
    in_use -= it->second.first;
    free_blocks.insert({it->second.first, offset});
    live.erase(it);
    return 0;
}
int cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
    Locked _;
    *memory = calloc(1, bytes);
    pinned[(char*)*memory] = bytes;
    return 0;
}
int cuMemFreeHost(void* memory) {
    Locked _;
    pinned.erase((char*)memory);
    free(memory);
    return 0;
}

static bool is_pinned(const void* memory) {
    auto it = pinned.upper_bound((char*)memory);
    if (it == pinned.begin()) return false;
    --it;
    return (char*)memory < it->first + it->second;
}

int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
    Locked _;
    if (!inside(to, bytes)) return fail(InvalidValue, "a copy to the device does not lie in a block");
    if (is_pinned(from)) return add(stream, [=] { memcpy(own(to), from, bytes); });
    std::vector<char> now((const char*)from, (const char*)from + bytes);
    return add(stream, [=] { memcpy(own(to), now.data(), bytes); });
}
int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
    Locked _;
    if (!inside(from, bytes)) return fail(InvalidValue, "a copy from the device does not lie in a block");
    return add(stream, [=] { memcpy(to, own(from), bytes); });
}
int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) {
    Locked _;
    if (!inside(to, bytes) || !inside(from, bytes)) return fail(InvalidValue, "a copy on the device does not lie in a block");
    return add(stream, [=] { memmove(own(to), own(from), bytes); });
}
int cuMemsetD8Async(Address to, unsigned char value, size_t bytes, void* stream) {
    Locked _;
    if (!inside(to, bytes)) return fail(InvalidValue, "a fill does not lie in a block");
    return add(stream, [=] { memset(own(to), value, bytes); });
}

int cuModuleLoadData(void** module, const void* image) {
    Locked _;
    open_heap();
    *module = dlopen((const char*)image, RTLD_NOW | RTLD_LOCAL);
    if (!*module) trouble = dlerror();
    return *module ? 0 : 200;
}
struct Function { std::string name; void* (*bind)(void**, long); const char* (*run)(void*, const unsigned*, int); void (*release)(void*); };
int cuModuleGetFunction(void** function, void* module, const char* name) {
    Locked _;
    void* bind = dlsym(module, (std::string("cpu_bind_") + name).c_str());
    if (!bind) return trouble = std::string("no kernel ") + name, NotFound;
    *function = new Function{name, (void* (*)(void**, long))bind, (const char* (*)(void*, const unsigned*, int))dlsym(module, "cpu_run"),
        (void (*)(void*))dlsym(module, "cpu_free")};
    return 0;
}
int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void* stream,
                   void** arguments, void**) {
    Locked _;
    if (bx * by * bz > 1024 || gy > 65535 || gz > 65535 || !gx || !gy || !gz || shared > 48 << 10) return fail(InvalidValue, "a launch has impossible sizes");
    asked++;
    Function* f = (Function*)function;
    void* launch = f->bind(arguments, heap - shown);
    std::vector<unsigned> dims{gx, gy, gz, bx, by, bz};
    return add(stream, [=] {
        const char* failure = f->run(launch, dims.data(), launches++ & 1);
        if (failure) fail(LaunchFailed, f->name + ": " + failure);
        else if (!guards_hold()) fail(LaunchFailed, f->name + ": wrote behind a block");
    });
}

int cuStreamBeginCapture_v2(void* stream, int) {
    Locked _;
    ((Stream*)stream)->capture = new std::vector<Work>();
    return 0;
}
int cuStreamEndCapture(void* stream, void** graph) {
    Locked _;
    Stream* s = (Stream*)stream;
    *graph = new Graph{std::move(*s->capture)};
    s->capture = nullptr;
    return sticky;
}
int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) { return *executable = new Graph(*(Graph*)graph), 0; }
int cuGraphLaunch(void* executable, void* stream) {
    Locked _;
    graphs++;
    for (Work& work : ((Graph*)executable)->work)
        if (add(stream, work)) break;
    return sticky;
}
int cuGraphExecDestroy(void* executable) { return delete (Graph*)executable, 0; }
int cuGraphDestroy(void* graph) { return delete (Graph*)graph, 0; }

// ---- NVRTC

struct Program { std::string source, image, log; };
int nvrtcVersion(int* major, int* minor) { return *major = 12, *minor = 4, 0; }
int nvrtcCreateProgram(void** program, const char* source, const char*, int, const char**, const char**) { return *program = new Program{source}, 0; }
int nvrtcDestroyProgram(void** program) { return delete (Program*)*program, *program = nullptr, 0; }

static std::string folder() {
    Dl_info info;
    dladdr((void*)folder, &info);
    std::string file = info.dli_fname;
    return file.substr(0, file.rfind('/'));
}

static std::string text_of(const std::string& path) {
    std::string text;
    if (FILE* file = fopen(path.c_str(), "r")) {
        char part[4096];
        for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;) text.append(part, n);
        fclose(file);
    }
    return text;
}

int nvrtcCompileProgram(void* handle, int, const char**) {
    Program& program = *(Program*)handle;
    std::string header = folder() + "/cuda_on_cpu.h", text = "#include \"" + header + "\"\n" + program.source + "\n";
    // Real CUDA takes the sizes of parameters from the binary; here each kernel gets a function that copies its arguments.
    for (size_t at = 0; (at = program.source.find("\nKERNEL ", at)) != std::string::npos; at++) {
        // A bound on the threads may stand ahead of the name.
        size_t head = program.source.compare(at + 8, 17, "__launch_bounds__") == 0 ? program.source.find(')', at) : at;
        size_t open = program.source.find('(', head), begin = program.source.rfind(' ', open);
        std::string name = program.source.substr(begin + 1, open - begin - 1);
        text += "extern \"C\" void* cpu_bind_" + name + "(void** p, long shift) { return cpu::bind(" + name + ", p, shift); }\n";
    }
    std::string base = folder() + "/kernels-" + std::to_string(std::hash<std::string>()(text + text_of(header))), own = base;
    // Several threads of a process may compile the same text at once, and several copies of this library be loaded; each program has its own address.
    own += "-" + std::to_string(getpid()) + "-" + std::to_string((uintptr_t)handle);
    program.image = base + ".so";
    if (access(program.image.c_str(), R_OK) == 0) return 0;
    FILE* file = fopen((own + ".cpp").c_str(), "w");
    if (!file) return CompilationFailed;
    fwrite(text.data(), 1, text.size(), file);
    fclose(file);
    std::string command = "g++ -std=c++17 -O1 -fno-math-errno -fPIC -shared -w -o '" + own + ".tmp' '" + own + ".cpp' 2>'" + own + ".log'";
    int code = system(command.c_str());
    program.log = text_of(own + ".log");
    if (code == 0) rename((own + ".tmp").c_str(), program.image.c_str());
    for (const char* ending : {".cpp", ".log"}) unlink((own + ending).c_str());
    return code == 0 ? 0 : CompilationFailed;
}
int nvrtcGetProgramLogSize(void* program, size_t* bytes) { return *bytes = ((Program*)program)->log.size() + 1, 0; }
int nvrtcGetProgramLog(void* program, char* log) { return strcpy(log, ((Program*)program)->log.c_str()), 0; }
// PTX is text for newer cards; here it is the same library.
int nvrtcGetPTXSize(void* program, size_t* bytes) { return *bytes = ((Program*)program)->image.size() + 1, 0; }
int nvrtcGetPTX(void* program, char* text) { return strcpy(text, ((Program*)program)->image.c_str()), 0; }
int nvrtcGetCUBINSize(void* program, size_t* bytes) { return *bytes = ((Program*)program)->image.size() + 1, 0; }
int nvrtcGetCUBIN(void* program, char* image) { return strcpy(image, ((Program*)program)->image.c_str()), 0; }

// ---- cuBLASLt: D = epilogue(alpha*op(A)*op(B) + beta*C + bias), columns first

struct Layout { int type; uint64_t rows, columns; int64_t ld; int32_t batch = 1; int64_t stride = 0; };
struct Desc { int compute; int32_t ta = 0, tb = 0, epilogue = 1, bias_type = -1; Address bias = 0; };
struct Preference { uint32_t alignment[4] = {256, 256, 256, 256}; };

int cublasLtCreate(void** handle) { return *handle = (void*)3, 0; }
int cublasLtMatrixLayoutCreate(void** layout, int type, uint64_t rows, uint64_t columns, int64_t ld) { return *layout = new Layout{type, rows, columns, ld}, 0; }
int cublasLtMatrixLayoutSetAttribute(void* layout, int attribute, const void* value, size_t) {
    if (attribute == 5) memcpy(&((Layout*)layout)->batch, value, 4);
    else if (attribute == 6) memcpy(&((Layout*)layout)->stride, value, 8);
    else return 7;
    return 0;
}
int cublasLtMatrixLayoutDestroy(void* layout) { return delete (Layout*)layout, 0; }
int cublasLtMatmulDescCreate(void** desc, int compute, int) { return *desc = new Desc{compute}, 0; }
int cublasLtMatmulDescSetAttribute(void* handle, int attribute, const void* value, size_t size) {
    Desc* desc = (Desc*)handle;
    void* field = attribute == 3 ? (void*)&desc->ta : attribute == 4 ? (void*)&desc->tb : attribute == 7 ? (void*)&desc->epilogue : attribute == 8 ? (void*)&desc->bias
        : attribute == 26 ? (void*)&desc->bias_type : nullptr;
    if (!field || size != (attribute == 8 ? 8u : 4u)) return 7;
    memcpy(field, value, size);
    return 0;
}
int cublasLtMatmulDescDestroy(void* desc) { return delete (Desc*)desc, 0; }
int cublasLtMatmulPreferenceCreate(void** preference) { return *preference = new Preference(), 0; }
int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value, size_t) {
    if (attribute >= 5 && attribute <= 8) memcpy(&((Preference*)preference)->alignment[attribute - 5], value, 4);
    return 0;
}
int cublasLtMatmulPreferenceDestroy(void* preference) { return delete (Preference*)preference, 0; }

// The types that the library multiplies: f32 with f32 into f32, bf16 with bf16 into either.
static bool supported(const Desc& d, const Layout& a, const Layout& b, const Layout& c, const Layout& o) {
    bool types = a.type == b.type && c.type == o.type && (a.type == 0 ? o.type == 0 : a.type == 14 && (o.type == 0 || o.type == 14));
    int bias = d.bias_type < 0 ? o.type : d.bias_type;
    return types && (d.compute == 68 || d.compute == 77) && (!(d.epilogue & 4) || bias == o.type);
}
int cublasLtMatmulAlgoGetHeuristic(void*, void* desc, void* a, void* b, void* c, void* o, void* preference, int, void* results, int* found) {
    *found = supported(*(Desc*)desc, *(Layout*)a, *(Layout*)b, *(Layout*)c, *(Layout*)o);
    memset(results, 0, 96);
    memcpy(results, ((Preference*)preference)->alignment, 16);       // the algorithm may rely on them
    return *found ? 0 : NotSupported;
}

static std::vector<float> floats(Address at, const Layout& l, int z) {
    std::vector<float> values(l.ld * l.columns);
    const char* p = own(at);
    for (size_t i = 0; i < values.size(); i++) {
        if ((int64_t)(i % l.ld) >= (int64_t)l.rows) continue;
        size_t from = z * l.stride + i;
        uint32_t bits = (uint32_t)((const uint16_t*)p)[l.type == 0 ? 0 : from] << 16;
        if (l.type == 0) values[i] = ((const float*)p)[from];
        else memcpy(&values[i], &bits, 4);
    }
    return values;
}

static void put(char* p, int type, size_t i, float x) {
    if (type == 0) {
        ((float*)p)[i] = x;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &x, 4);
    ((uint16_t*)p)[i] = x != x ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static void multiply(Desc d, Layout a, Layout b, Layout c, Layout o, float alpha, float beta, Address A, Address B, Address C, Address D) {
    int64_t m = o.rows, n = o.columns, k = d.ta ? a.rows : a.columns;
    for (int z = 0; z < o.batch; z++) {
        std::vector<float> left = floats(A, a, z), right = floats(B, b, z), base = beta != 0 ? floats(C, c, z) : std::vector<float>();
        std::vector<double> sum(m);
        for (int64_t j = 0; j < n; j++) {
            sum.assign(m, 0);
            for (int64_t x = 0; x < k; x++) {
                double by = right[d.tb ? j + x * b.ld : x + j * b.ld];
                const float* column = d.ta ? left.data() + x : left.data() + x * a.ld;
                int64_t step = d.ta ? a.ld : 1;
                for (int64_t i = 0; i < m; i++) sum[i] += column[i * step] * by;
            }
            for (int64_t i = 0; i < m; i++) {
                double t = alpha * sum[i] + (beta != 0 ? beta * base[i + j * c.ld] : 0);
                if (d.epilogue & 4) {
                    Layout bias{o.type, 1, 1, 1};
                    t += floats(d.bias + i * (o.type == 0 ? 4 : 2), bias, 0)[0];
                }
                if (d.epilogue & 2) t = t > 0 ? t : 0;
                put(own(D), o.type, z * o.stride + i + j * o.ld, (float)t);
            }
        }
    }
    if (!guards_hold()) fail(LaunchFailed, "cublasLtMatmul: wrote behind a block");
}

static size_t extent(const Layout& l) { return ((l.batch - 1) * l.stride + (l.columns - 1) * l.ld + l.rows) * (l.type == 0 ? 4 : 2); }

int cublasLtMatmul(void*, void* desc, const float* alpha, Address A, void* la, Address B, void* lb, const float* beta, Address C, void* lc, Address D, void* ld,
                   const uint32_t* algorithm, Address, size_t, void* stream) {
    Locked _;
    Desc d = *(Desc*)desc;
    Layout a = *(Layout*)la, b = *(Layout*)lb, c = *(Layout*)lc, o = *(Layout*)ld;
    uint64_t m = o.rows, n = o.columns, k = d.ta ? a.rows : a.columns;
    if ((d.ta ? a.columns : a.rows) != m || (d.tb ? b.rows : b.columns) != n || (d.tb ? b.columns : b.rows) != k || a.ld < (int64_t)a.rows
        || b.ld < (int64_t)b.rows || o.ld < (int64_t)m || !supported(d, a, b, c, o)) return fail(InvalidValue, "cublasLtMatmul: sizes or types do not fit");
    if (!inside(A, extent(a)) || !inside(B, extent(b)) || !inside(D, extent(o)) || (*beta != 0 && !inside(C, extent(c))))
        return fail(InvalidValue, "cublasLtMatmul: a matrix does not lie in a block");
    if (A % algorithm[0] || B % algorithm[1] || C % algorithm[2] || D % algorithm[3]) return fail(InvalidValue, "cublasLtMatmul: an address is less aligned than was said");
    products++;
    float al = *alpha, be = *beta;
    return add(stream, [=] { multiply(d, a, b, c, o, al, be, A, B, C, D); });
}

}

#include "nccl_on_cpu.h"

extern "C" {
// ---- what the tests ask

void emulator_counters(long* values) {
    Locked _;
    long all[] = {allocations, launches, products, (long)live.size(), syncs, graphs, (long)in_use, asked, messages};
    memcpy(values, all, sizeof all);
}
void emulator_memory(size_t bytes) {
    Locked _;
    memory = bytes;
}
// Forgets an error, which ends a real process's use of the device.
void emulator_forget() {
    Locked _;
    sticky = 0;
    for (Stream* s : streams) s->work.clear();
    for (auto& block : live) memset(heap + block.first + block.second.second, 0xff, block.second.first - block.second.second);
}
}
