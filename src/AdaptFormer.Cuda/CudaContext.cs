using System.Text;
using AdaptFormer.Cuda.Memory;
using AdaptFormer.Cuda.Native;

namespace AdaptFormer.Cuda;

/// <summary>One card: its context, a stream for the kernels, one for copies beside them, its memory and its kernels.</summary>
internal sealed unsafe class CudaContext
{
    /// <summary>The least compute capability that the kernels are for: bf16 on the matrix units came with 8.0.</summary>
    private const int LeastMajor = 8;

    [ThreadStatic]
    private static CudaContext? _current;

    private readonly CudaLibraries _libraries;
    private readonly nint _context;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, nint> _modules = [];
    private readonly nint[] _functions = new nint[KernelNames.Count];

    /// <summary>Takes card <paramref name="ordinal"/>.</summary>
    /// <exception cref="CudaException">There is no such card, or it is too old.</exception>
    public CudaContext(CudaLibraries libraries, int ordinal)
    {
        _libraries = libraries;
        DriverApi driver = libraries.Driver;
        driver.Check(driver.Init(0), "cuInit");
        CudaCard card = CudaCard.Read(driver, ordinal);
        Card = card;
        if (card.Major < LeastMajor)
            throw new CudaException($"cuda:{ordinal} ({card.Name}) has compute capability {card.Major}.{card.Minor}; {LeastMajor}.0 "
                + "(Ampere) or newer is needed. Use --device cpu.");
        nint context, compute, copies;
        const uint NonBlocking = 1;
        driver.Check(driver.RetainContext(&context, ordinal), "cuDevicePrimaryCtxRetain");
        _context = context;
        Enter();
        driver.Check(driver.StreamCreate(&compute, NonBlocking), "cuStreamCreate");
        driver.Check(driver.StreamCreate(&copies, NonBlocking), "cuStreamCreate");
        Compute = compute;
        Pool = new DevicePool(driver, $"cuda:{ordinal} ({card.Name})", libraries.IsEmulated ? compute : 0);
        Staging = new Staging(driver, compute, copies);
        Products = new MatMulPlans(libraries.Products, this);
    }

    public CudaCard Card { get; }

    public DriverApi Driver => _libraries.Driver;

    /// <summary>The stream of all kernels.</summary>
    public nint Compute { get; }

    public DevicePool Pool { get; }

    public Staging Staging { get; }

    public MatMulPlans Products { get; }

    /// <summary>Makes this card the one that the thread's calls go to.</summary>
    public void Enter()
    {
        if (_current == this) return;
        Driver.Check(Driver.SetContext(_context), "cuCtxSetCurrent");
        _current = this;
    }

    /// <summary>Waits until the card has done everything.</summary>
    public void Synchronize()
    {
        Enter();
        Driver.Check(Driver.StreamSynchronize(Compute), "cuStreamSynchronize");
    }

    /// <summary>Puts a kernel into the stream: <paramref name="x"/> by <paramref name="y"/> blocks.</summary>
    /// <param name="kernel">Which.</param>
    /// <param name="x">Blocks along x.</param>
    /// <param name="y">Blocks along y.</param>
    /// <param name="arguments">In the order of its parameters.</param>
    /// <param name="last">The address of one more argument, a structure; none if null.</param>
    /// <param name="threads">Threads of a block.</param>
    public void Launch(KernelName kernel, long x, long y, ReadOnlySpan<Argument> arguments, void* last = null, uint threads = 256)
    {
        if (x == 0 || y == 0) return;
        Enter();
        nint function = Volatile.Read(ref _functions[kernel.Index]);
        if (function == 0) function = Load(kernel);
        void** pointers = stackalloc void*[arguments.Length + 1];
        fixed (Argument* values = arguments)
        {
            for (int i = 0; i < arguments.Length; i++) pointers[i] = values + i;
            pointers[arguments.Length] = last;
            int code = Driver.Launch(function, checked((uint)x), checked((uint)y), 1, threads, 1, 1, 0, Compute, pointers, null);
            if (code != 0) Driver.Check(code, $"kernel {kernel.Name}");
        }
    }

    private nint Load(KernelName kernel)
    {
        lock (_gate)
        {
            if (!_modules.TryGetValue(kernel.File, out nint module))
            {
                byte[] image = KernelImages.Image(kernel.File, _libraries.Compiler, $"sm_{Card.Major}{Card.Minor}");
                fixed (byte* bytes = image) Driver.Check(Driver.LoadModule(&module, bytes), $"cuModuleLoadData of {kernel.File}");
                _modules[kernel.File] = module;
            }

            nint function;
            fixed (byte* name = Encoding.UTF8.GetBytes(kernel.Name + "\0"))
                Driver.Check(Driver.GetFunction(&function, module, name), $"cuModuleGetFunction of {kernel.Name}");
            Volatile.Write(ref _functions[kernel.Index], function);
            return function;
        }
    }
}
