using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tensors.Memory;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

/// <summary>Every buffer goes back to the pool, whatever happens.</summary>
[Collection(ProcessWideState.Name)]
public sealed class LifetimeTests : IDisposable
{
    private readonly int _threads = CpuParallel.Threads;

    // Threads change nothing here, and on a busy machine steps this small would mostly wait for each other.
    public LifetimeTests() => CpuParallel.Threads = 1;

    public static TheoryData<string> Methods => ["adaptformer", "vpt", "linear", "full"];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Live_buffers_are_flat_over_steps_and_gone_afterwards(string method)
    {
        long before = LiveBuffers();
        using (VisionTransformer model = TinyVit.Create())
        {
            Tuning tuning = method switch { "adaptformer" => new AdaptFormerTuning(4), "vpt" => new VptTuning(2), "linear" => new LinearProbe(), _ => new FullTuning() };
            tuning.Attach(model, TinyVit.Classes, new Rng(0));
            using FlatParameters flat = new(model.TrainableParameters());
            Step(model, flat, 0);
            long afterOne = BufferPool.LiveBuffers, bytesAfterOne = BufferPool.LiveBytes;
            for (int step = 1; step < (method == "adaptformer" ? 1000 : 50); step++)
            {
                Step(model, flat, step);
                Assert.Equal(afterOne, BufferPool.LiveBuffers);
            }

            Assert.Equal(bytesAfterOne, BufferPool.LiveBytes);
        }

        Assert.Equal(before, BufferPool.LiveBuffers);
    }

    [Fact]
    public void A_model_replaces_its_method_without_leaving_a_buffer()
    {
        using VisionTransformer model = TinyVit.Create();
        new LinearProbe().Attach(model, TinyVit.Classes, new Rng(0));
        long before = LiveBuffers();
        foreach (Tuning tuning in new Tuning[] { new AdaptFormerTuning(4), new AdaptFormerTuning(8, LearnScale: true), new VptTuning(3), new LinearProbe() })
            tuning.Attach(model, TinyVit.Classes, new Rng(0));
        Assert.Equal(before, BufferPool.LiveBuffers);
    }

    [Fact]
    public void A_prediction_without_a_scope_leaves_its_result_alone()
    {
        using VisionTransformer model = TinyVit.Create();
        new AdaptFormerTuning(4).Attach(model, TinyVit.Classes, new Rng(0));
        using Tensor pixels = TinyVit.Pixels();
        using (model.Forward(pixels))
        {
            // The first pass packs the frozen weights, which stay.
        }

        long before = LiveBuffers();
        using (Tensor logits = model.Forward(pixels)) Assert.Equal(before + 1, BufferPool.LiveBuffers);
        Assert.Equal(before, BufferPool.LiveBuffers);
    }

    [Fact]
    public void A_prediction_needs_the_same_memory_however_deep_the_model()
    {
        long shallow = Peak(4);
        Assert.Equal(shallow, Peak(12));

        static long Peak(int depth)
        {
            using VisionTransformer model = TinyVit.Create(TinyVit.Config with { Depth = depth });
            new LinearProbe().Attach(model, TinyVit.Classes, new Rng(0));
            using Tensor pixels = TinyVit.Pixels();
            using (model.Forward(pixels))
            {
            }

            LiveBuffers();
            BufferPool.ResetPeak();
            long before = BufferPool.LiveBytes;
            using (model.Forward(pixels))
            {
            }

            return BufferPool.PeakBytes - before;
        }
    }

    /// <summary>A first pass: weights that start as zeros take their memory when they are first read.</summary>
    private static void Touch(VisionTransformer model)
    {
        using Tensor pixels = TinyVit.Pixels();
        model.Forward(pixels).Dispose();
    }

    [Fact]
    public void A_tape_disposed_without_going_backwards_frees_what_it_kept()
    {
        using VisionTransformer model = TinyVit.Create();
        new FullTuning().Attach(model, TinyVit.Classes, new Rng(0));
        Touch(model);
        long before = LiveBuffers();
        using (Tape tape = new(new Rng(0)))
        {
            using (TensorScope scope = new()) TinyVit.Loss(model, tape);
            Assert.True(BufferPool.LiveBuffers > before + 10, "the tape kept too little for this test to mean something");
        }

        Assert.Equal(before, BufferPool.LiveBuffers);
    }

    [Fact]
    public void An_exception_in_the_middle_of_a_pass_leaks_nothing()
    {
        using VisionTransformer model = TinyVit.Create();
        new FullTuning().Attach(model, TinyVit.Classes, new Rng(0));
        Touch(model);
        long before = LiveBuffers();
        for (int i = 0; i < 3; i++) Assert.Throws<TimeoutException>(() => Fail($"block_{i}"));
        Assert.Equal(before, BufferPool.LiveBuffers);

        void Fail(string where)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(0));
            model.Forward(tape.Watch(TinyVit.Pixels()), (name, _) =>
            {
                if (name == where) throw new TimeoutException();
            });
        }
    }

    [Fact]
    public void An_exception_on_the_way_back_leaks_nothing()
    {
        using Parameter weight = GradCheck.Uniform(new Rng(0), 7, 7);
        weight.Trainable = true;
        long before = LiveBuffers();
        Assert.Throws<TimeoutException>(Fail);
        weight.Grad?.Dispose();
        weight.Grad = null;
        Assert.Equal(before, BufferPool.LiveBuffers);

        void Fail()
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(0));
            Tensor x = tape.Watch(Tensor.Zeros(3, 7)).Linear(weight).Gelu();
            Tensor broken = Tensor.Zeros(3, 7).Record([x], keep: [x], static _ => throw new TimeoutException());
            tape.Backward((x + broken).Linear(weight).Dot(Tensor.Full(new Shape(3, 7), 1)));
        }
    }

    public void Dispose() => CpuParallel.Threads = _threads;

    private static void Step(VisionTransformer model, FlatParameters flat, int step)
    {
        using TensorScope scope = new();
        using Tape tape = new(new Rng(step));
        flat.ZeroGradients();
        tape.Backward(TinyVit.Loss(model, tape));
        new AddIntoCall(flat.Values, flat.Gradients, -0.01f).Run();
        flat.Changed();
    }

    /// <summary>The count once the tensors that other tests left to the garbage collector are gone.</summary>
    private static long LiveBuffers()
    {
        ProcessWideState.Settle();
        return BufferPool.LiveBuffers;
    }
}
