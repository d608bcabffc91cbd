using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;
using AdaptFormer.Cuda;
using AdaptFormer.Cuda.Native;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Cuda;

/// <summary>The emulator of a card sees what goes wrong on a real one: each fault here is caught, and the same kernel without it gives the right numbers.</summary>
public sealed unsafe partial class PlantedFaultTests : IDisposable
{
    private const string Kernels = """

        KERNEL reversed(float* y, const float* x, int fault) {
            SHARED(float, held, 256);
            held[threadIdx.x] = x[threadIdx.x];
            if (fault != 1) __syncthreads();
            y[threadIdx.x] = held[255 - threadIdx.x];
        }

        KERNEL shifted_twice(float* y, const float* x, int fault) {
            SHARED(float, held, 256);
            held[threadIdx.x] = x[threadIdx.x];
            __syncthreads();
            float next = held[(threadIdx.x + 32) % 256];
            if (fault != 2) __syncthreads();
            held[threadIdx.x] = next;
            __syncthreads();
            y[threadIdx.x] = held[(threadIdx.x + 32) % 256];
        }

        KERNEL neighbours(float* y, const float* x, int fault) {
            int i = threadIdx.x;
            y[i] = x[i] + (i < 255 || fault == 3 ? x[i + 1] : 0.0f);
            if (fault == 4 && i == 0) y[256] = 1.0f;
        }

        KERNEL sums(float* y, const float* x, int fault) {
            float v = x[threadIdx.x];
            if (fault == 5 && threadIdx.x == 7) { y[7] = v; return; }
            if (fault == 6 && threadIdx.x % 2 == 0) v += SHUFFLE_XOR(v, 1);
            else v += SHUFFLE_XOR(v, 1);
            y[threadIdx.x] = v;
        }


        KERNEL halves(float* y, const float* x, int fault) {
            SHARED(float, held, 256);
            held[threadIdx.x] = x[threadIdx.x];
            if (fault != 7 || threadIdx.x < 128) __syncthreads();
            y[threadIdx.x] = held[threadIdx.x ^ 128];
        }

        KERNEL totals(float* y, const float* x, int fault) {
            SHARED(float, total, 1);
            if (threadIdx.x == 0 && fault != 8) total[0] = 0.0f;
            __syncthreads();
            if (threadIdx.x == 0) for (int i = 0; i < 256; i++) total[0] += x[i];
            __syncthreads();
            y[threadIdx.x] = total[0];
        }

        KERNEL copied(float* y, const float* x, int fault) {
            if (fault != 9 || threadIdx.x != 100) y[threadIdx.x] = x[threadIdx.x];
        }

        """;

    private static readonly float[] Numbers = [.. Enumerable.Range(0, 256).Select(i => (float)(i * 7 % 31))];
    private readonly CudaEmulator _device = CudaEmulator.Alone("faults");
    private readonly IDisposable _use;
    private readonly nint _module;
    private CudaContext Context => _device.Kernels.Context;
    private DriverApi Driver => Context.Driver;

    public PlantedFaultTests()
    {
        _use = Backend.Use(_device.Kernels);
        byte[] image = CudaLibraries.Of(Driver.File).Compiler!.Compile("faults.cu", Kernels, "sm_90").Image;
        fixed (byte* bytes = image)
        fixed (nint* module = &_module) Driver.Check(Driver.LoadModule(module, bytes), "cuModuleLoadData");
    }

    public void Dispose()
    {
        _device.Forget();
        _use.Dispose();
    }

    [Theory]
    [InlineData("reversed", 1)]         // no barrier between a store and another thread's load
    [InlineData("shifted_twice", 2)]    // no barrier between a load and another thread's store
    [InlineData("neighbours", 3)]       // a read behind the block
    [InlineData("totals", 8)]           // shared memory that nobody wrote
    [InlineData("copied", 9)]           // a result that is not written in full
    public void A_fault_shows_in_the_numbers(string kernel, int fault)
    {
        Func<int, float> expected = kernel switch
        {
            "reversed" => i => Numbers[255 - i],
            "shifted_twice" => i => Numbers[(i + 64) % 256],
            "neighbours" => i => Numbers[i] + (i < 255 ? Numbers[i + 1] : 0),
            "totals" => _ => Numbers.Sum(),
            _ => i => Numbers[i],
        };
        float[] right = [.. Enumerable.Range(0, 256).Select(expected)];
        for (int turn = 0; turn < 2; turn++) Assert.Equal(right, Run(kernel, 0));       // warps from the first on, and from the last
        Assert.Contains(Enumerable.Range(0, 2).Select(_ => Run(kernel, fault)), wrong => !wrong.SequenceEqual(right));
    }

    [Theory]
    [InlineData("neighbours", 4, "neighbours: wrote behind a block")]
    [InlineData("sums", 5, "sums: lanes of a warp diverged at a shuffle")]
    [InlineData("sums", 6, "sums: lanes of a warp are at different shuffles")]
    [InlineData("halves", 7, "halves: __syncthreads was not reached by all threads of a block")]
    public void A_fault_is_named(string kernel, int fault, string name)
    {
        Run(kernel, 0);
        CudaException error = Assert.Throws<CudaException>(() => Run(kernel, fault));
        Assert.Contains($"CUDA_ERROR_LAUNCH_FAILED ({name})", error.Message, StringComparison.Ordinal);
        _device.Forget();
        Assert.Equal(Numbers.Length, Run("copied", 0).Length);
    }

    [Fact]
    public void The_host_cannot_touch_the_card_s_memory()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From(Numbers, new Shape(256));
        using AnonymousPipeServerStream pipe = new(PipeDirection.Out);
        fixed (float* here = Numbers) Assert.Equal(16, write((int)pipe.SafePipeHandle.DangerousGetHandle(), (nint)here, 16));
        Assert.Equal(-1, write((int)pipe.SafePipeHandle.DangerousGetHandle(), Argument.Address(x), 16));
        Assert.Contains("whose memory the host cannot read", Assert.Throws<InvalidOperationException>(() => x.Span[0]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_that_no_card_takes_are_refused()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From(Numbers, new Shape(256));
        Assert.Contains("impossible sizes", Assert.Throws<CudaException>(() => Context.Launch(KernelNames.Fill, 1, 70_000, [x, 0f, 256L])).Message, StringComparison.Ordinal);
        _device.Forget();
        int code = Driver.CopyWithin(Argument.Address(x), Argument.Address(x) + 512, 1024, Context.Compute);
        Assert.Contains("does not lie in a block", Assert.Throws<CudaException>(() => Driver.Check(code, "copy")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_that_are_read_before_the_card_was_waited_for_are_old()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From(Numbers, new Shape(256));
        float[] early = new float[256];
        fixed (float* to = early)
        {
            Driver.Check(Driver.CopyOut((nint)to, Argument.Address(x), 1024, Context.Compute), "copy");
            Assert.All(early, value => Assert.Equal(0, value));
            Context.Synchronize();
            Assert.Equal(Numbers, early);
        }
    }

    [Fact]
    public void A_staging_buffer_that_is_written_again_too_early_spoils_what_is_on_its_way()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Empty(new Shape(256));
        nint pinned;
        Driver.Check(Driver.AllocateHost(&pinned, 1024, 0), "pinned");
        Span<float> buffer = new((void*)pinned, 256);
        Numbers.CopyTo(buffer);
        Driver.Check(Driver.CopyIn(Argument.Address(x), pinned, 1024, Context.Compute), "copy");
        buffer.Clear();
        Assert.All(x.ToArray(), value => Assert.Equal(0, value));
    }

    [Fact]
    public void A_kernel_that_does_not_wait_for_a_copy_in_another_stream_reads_what_was_there()
    {
        using TensorScope scope = new();
        Tensor x = Tensor.Empty(new Shape(256)), y = Tensor.Empty(new Shape(256));
        nint copies, arrived;
        Driver.Check(Driver.StreamCreate(&copies, 1), "stream");
        Driver.Check(Driver.EventCreate(&arrived, 2), "event");
        fixed (float* from = Numbers) Driver.Check(Driver.CopyIn(Argument.Address(x), (nint)from, 1024, copies), "copy");
        new CopyCall(x, y).Run();
        Assert.All(y.ToArray(), value => Assert.True(float.IsNaN(value)));
        Driver.Check(Driver.EventRecord(arrived, copies), "record");
        Driver.Check(Driver.StreamWaitEvent(Context.Compute, arrived, 0), "wait");
        new CopyCall(x, y).Run();
        Assert.Equal(Numbers, y.ToArray());
    }

    [Fact]
    public void A_product_whose_matrices_do_not_lie_in_blocks_is_refused()
    {
        using TensorScope scope = new();
        Tensor a = Tensor.From(Numbers, new Shape(16, 16)), c = Tensor.Empty(new Shape(16, 16));
        ProductShape shape = new(16, 16, 32, 1, false, false, false, false, 0, 0, 0, ProductApi.Plain);
        nint at = Argument.Address(a), to = Argument.Address(c);
        Assert.Throws<CudaException>(() => Context.Products.Multiply(shape, at, at, to, to, 1, 0, 0));
        Assert.Contains("a matrix does not lie in a block", Assert.Throws<CudaException>(() => Context.Synchronize()).Message, StringComparison.Ordinal);
    }

    private float[] Run(string kernel, int fault)
    {
        using TensorScope scope = new();
        Tensor x = Tensor.From(Numbers, new Shape(256)), y = Tensor.Empty(new Shape(256));
        nint function;
        fixed (byte* name = Encoding.UTF8.GetBytes(kernel + "\0")) Driver.Check(Driver.GetFunction(&function, _module, name), "cuModuleGetFunction");
        (nint to, nint from) = (Argument.Address(y), Argument.Address(x));
        void** arguments = stackalloc void*[] { &to, &from, &fault };
        Driver.Check(Driver.Launch(function, 1, 1, 1, 256, 1, 1, 0, Context.Compute, arguments, null), "cuLaunchKernel");
        return y.ToArray();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int file, nint bytes, nint count);
}
