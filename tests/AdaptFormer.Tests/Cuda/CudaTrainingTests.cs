using AdaptFormer.Cli.Commands;
using AdaptFormer.Cuda;
using AdaptFormer.Cuda.Memory;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Cli;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training.Optimizers;
using Xunit;

namespace AdaptFormer.Tests.Cuda;

/// <summary>Training on an emulated card.</summary>
public sealed class CudaTrainingTests
{
    private const string Tiny =
        """
        {
          "model": { "name": "tiny", "weights": null,
            "config": { "img_height": 16, "img_width": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2 } },
          "tuning": { "method": "adaptformer", "bottleneck": 4 }, "data": { "train": "none" }, "batch": 4
        }
        """;
    private const string StepsVariable = "ADAPTFORMER_CUDA_STEPS";

    // Few by default; the variable asks for more, for example 200.
    private static readonly int Steps = int.TryParse(Environment.GetEnvironmentVariable(StepsVariable), out int steps) ? steps : 8;

    [Fact]
    public void The_loss_stays_beside_the_cpu_s_nothing_is_allocated_after_the_first_step_and_two_runs_are_equal()
    {
        float[] expected = Train(Steps, static _ => { });
        TestDevice device = TestDevice.Of(CpuBackends.Cuda);
        using IDisposable _ = device.Use();
        List<long> allocations = [];
        float[] first = Train(Steps, _ => allocations.Add(((CudaKernels)device.Backend).Context.Pool.Allocations));
        Assert.Equal(0, device.LiveBlocks);
        Assert.Equal(first, Train(Steps, static _ => { }));
        Assert.All(allocations, count => Assert.Equal(allocations[0], count));
        Assert.True(first[^1] < first[0], $"the loss went from {first[0]} to {first[^1]}");
        for (int i = 0; i < Steps; i++) Assert.Equal(expected[i], first[i], i < 8 ? 1e-4 : 0.02);
    }

    [Fact]
    public void A_card_without_room_says_what_needs_less_and_loses_nothing()
    {
        CudaEmulator device = CudaEmulator.Alone("memory");
        using IDisposable _ = Backend.Use(device.Kernels);
        using TensorScope scope = new();
        Tensor kept = Tensor.From([1, 2, 3], new Shape(3));
        device.SetMemory(64 << 20);
        string message = Assert.Throws<OutOfDeviceMemoryException>(() => Tensor.Empty(new Shape(32 << 20))).Message;
        Assert.StartsWith("cuda:0 (CUDA emulator) has no room for another 128 MiB: this program holds 1 MiB there, and ", message, StringComparison.Ordinal);
        Assert.Contains("of 64 MiB are free. Use a smaller batch (--set batch=…", message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], kept.ToArray());
        using (Tensor.Empty(new Shape(2 << 20)))
        {
        }

        Assert.Equal(3 << 20, Tensor.Full(new Shape(3 << 20), 1).ToArray().Sum());      // what waited in the pool is given back first
    }

    [Fact]
    public void Uploads_of_any_size_arrive_whole_whatever_becomes_of_the_host_s_memory()
    {
        TestDevice device = TestDevice.Of(CpuBackends.Cuda);
        using IDisposable _ = device.Use();
        using TensorScope scope = new();
        List<(float[] Sent, Tensor Arrived)> all = [];
        foreach (int length in (int[])[1, 1000, 70_000, 300_000, 70_000, 8_500_000, 1000, 3])
        {
            float[] sent = new float[length];
            for (int i = 0; i < length; i++) sent[i] = (i + length) % 1_000_003;
            float[] given = [.. sent];
            all.Add((sent, Tensor.From(given, new Shape(length))));
            Array.Clear(given);
        }

        Assert.All(all, pair => Assert.True(pair.Sent.AsSpan().SequenceEqual(pair.Arrived.ToArray())));
    }

    [Theory]
    [InlineData(1, 64, 1, 64, 64)]
    [InlineData(1, 197, 2, 64, 1)]        // only the class token asks
    [InlineData(2, 70, 2, 32, 70)]
    [InlineData(1, 17, 3, 64, 17)]
    [InlineData(1, 100, 1, 32, 33)]
    public void Attention_on_the_matrix_units_is_near_the_exact_one(int batch, int tokens, int heads, int headDim, int queries)
    {
        int c = heads * headDim;
        float[] numbers = GradCheck.Numbers(new Rng(5), batch * tokens * 3 * c), gradients = GradCheck.Numbers(new Rng(6), batch * queries * c);
        AssertNear(Run);

        (float[], float[]) Run(DataType type)
        {
            using TensorScope scope = new();
            Tensor qkv = Tensor.From(numbers, new Shape(batch, tokens, 3 * c)).As(type), y = Tensor.Empty(new Shape(batch, queries, c), type);
            Tensor dy = Tensor.From(gradients, y.Shape).As(type), dqkv = Tensor.Empty(qkv.Shape, type);
            float scale = 1 / MathF.Sqrt(headDim);
            new AttentionCall(qkv, heads, scale, null, null, y).Run();
            new AttentionBackwardCall(qkv, heads, scale, null, null, dy, dqkv, null).Run();
            return (y.ToArray(), dqkv.ToArray());
        }
    }

    [Fact]
    public void Attention_in_shifted_windows_on_the_matrix_units_adds_positions_and_masks()
    {
        WindowLayout windows = new(new TokenGrid(1, 8, 8), new TokenGrid(1, 4, 4), new TokenGrid(0, 2, 2));
        const int Heads = 2, C = 64;
        float[] numbers = GradCheck.Numbers(new Rng(5), 2 * 64 * 3 * C), gradients = GradCheck.Numbers(new Rng(6), 2 * 64 * C);
        float[] positions = GradCheck.Numbers(new Rng(7), windows.TableRows * Heads);
        AssertNear(Run);

        (float[], float[]) Run(DataType type)
        {
            using TensorScope scope = new();
            Tensor qkv = Tensor.From(numbers, new Shape(2, 64, 3 * C)).As(type), y = Tensor.Empty(new Shape(2, 64, C), type);
            Tensor dy = Tensor.From(gradients, y.Shape).As(type), dqkv = Tensor.Empty(qkv.Shape, type), table = Tensor.From(positions, new Shape(windows.TableRows, Heads));
            new WindowAttentionCall(qkv, Heads, 0.2f, windows, table, null, y).Run();
            new WindowAttentionBackwardCall(qkv, Heads, 0.2f, windows, table, null, dy, dqkv, null, null).Run();
            return (y.ToArray(), dqkv.ToArray());
        }
    }

    // In bf16 on the card against f32 on the host.
    private static void AssertNear(Func<DataType, (float[] Y, float[] Dqkv)> attention)
    {
        (float[] y, float[] dqkv) = attention(DataType.Float32);
        using IDisposable _ = TestDevice.Of(CpuBackends.Cuda).Use();
        (float[] Y, float[] Dqkv) actual = attention(DataType.BFloat16);
        ParityCase.AssertClose("attention", y, actual.Y, 1e-2);
        ParityCase.AssertClose("its gradient", dqkv, actual.Dqkv, 2e-2);
    }

    [Fact]
    public void Dropout_draws_the_cpu_s_masks_bit_for_bit()
    {
        float[] numbers = GradCheck.Numbers(new Rng(5), 5000);
        float[] expected = Run();
        TestDevice device = TestDevice.Of(CpuBackends.Cuda);
        using IDisposable _ = device.Use();
        Assert.Equal(expected, Run());

        float[] Run()
        {
            using TensorScope scope = new();
            Tensor x = Tensor.From(numbers, new Shape(numbers.Length));
            new DropoutCall(x, 0xC0FFEE, 0.3f, x).Run();
            return x.ToArray();
        }
    }

    [Fact]
    public void A_step_waits_for_the_card_nowhere_and_gives_the_same_loss()
    {
        // A trainer on data that lie in memory: the loss and the answers are read while the backward pass is under way.
        CudaEmulator device = CudaEmulator.Alone("steps");
        using IDisposable _ = device.Use();
        Recipe recipe = Recipe.Parse(Tiny, "tiny");
        Rehearsal.Train(recipe, 5);
        long before = device.Counters.Waits;
        Rehearsal.Train(recipe with { Optimizer = new AdamWOptions() }, 5);
        long few = device.Counters.Waits - before;
        before = device.Counters.Waits;
        Rehearsal.Train(recipe with { Optimizer = new AdamWOptions(), Accumulate = 2 }, 5);
        Assert.Equal(few, device.Counters.Waits - before);        // twice as many batches and no more waits: those are for what an epoch keeps
    }

    [Fact]
    public void The_memory_of_a_training_is_told_before_it_begins()
    {
        foreach (string edit in (string[])["batch=4", "batch=16", "recompute=blocks", "tuning={\"method\": \"full\"}", "clip_norm=1", "ema_decay=0.9"])
        {
            Recipe recipe = Recipe.Parse(Tiny, "tiny", [edit]);
            long told = CudaDevice.MemoryOf(() => Rehearsal.Train(recipe, 5));
            CudaEmulator device = CudaEmulator.Alone("told");
            using IDisposable _ = device.Use();
            long before = device.Kernels.Context.Pool.HeldBytes;
            Rehearsal.Train(recipe, 5);
            long fixedBytes = (32L << 20) * 3;      // two blocks for uploads, and the products' workspace
            Assert.Equal(told - fixedBytes, device.Kernels.Context.Pool.HeldBytes - before);
        }
    }

    [Fact]
    public void A_training_that_cannot_fit_is_refused_with_the_batch_that_would()
    {
        CudaEmulator device = CudaEmulator.Alone("refused");
        using IDisposable _ = Backend.Use(device.Kernels);
        Recipe recipe = Recipe.Parse(Tiny, "tiny", ["batch=64"]);
        DeviceMemory.Require(recipe);
        long whole = DeviceMemory.Training(recipe, 100), half = DeviceMemory.Training(recipe with { Batch = 32 }, 100);
        Assert.True(half < whole);
        device.SetMemory(device.InUse + half + 1024);
        string message = Assert.Throws<OutOfDeviceMemoryException>(() => DeviceMemory.Require(recipe)).Message;
        Assert.Contains("this training needs about", message, StringComparison.Ordinal);
        Assert.Contains("at batch 64", message, StringComparison.Ordinal);
        Assert.Contains("--set batch=32 accumulate=2 fits, with steps as large", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_computation_that_is_asked_again_is_repeated_as_one_and_its_memory_is_nobody_else_s()
    {
        CudaEmulator device = CudaEmulator.Alone("graphs");
        using IDisposable _ = device.Use();
        object owner = new();
        using (Backbone model = TinyVit.Create(TinyVit.Config with { Depth = 1 }))
        {
            model.Freeze();
            for (int i = 0; i < 5; i++)
            {
                using TensorScope scope = new();
                Tensor pixels = TinyVit.Pixels(seed: i);
                float[] expected = model.Forward(pixels).ToArray();
                (long asked, long graphs) = (device.Counters.Asked, device.Counters.Graphs);
                Tensor answer = pixels.Repeat(owner, input => model.Forward(input));
                EmulatorCounters after = device.Counters;
                Tensor between = Tensor.Full(new Shape(1 << 12), 3);        // takes what is free
                Assert.Equal(expected, answer.ToArray());
                Assert.Equal(3f * (1 << 12), between.ToArray().Sum());
                Assert.Equal(i == 0 ? 0 : 1, after.Graphs - graphs);
                if (i > 1) Assert.Equal(0, after.Asked - asked);
            }

            // What reads the host's memory is carried out every time.
            for (int i = 0; i < 3; i++)
            {
                using TensorScope scope = new();
                Tensor one = Tensor.From([i, 2], new Shape(2));
                Assert.Equal([i, 2, i + 2], one.Repeat(device, x => Tensor.From([.. x.ToArray(), i + 2], new Shape(3))).ToArray());
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]       // noise in place of pixels has no 8 bits
    public void Pictures_travel_in_8_bits_and_become_the_cpu_s_numbers(double erase)
    {
        using TinyTask task = new();
        LabelledDataset pictures = DatasetSource.Open(task["train"], clips: false);
        ImageTransform transform = ImageTransform.ForTraining(new TransformOptions(16, Erase: erase));
        float[][] expected = Pixels(batch => Assert.True(batch.Bytes.IsEmpty));
        TestDevice device = TestDevice.Of(CpuBackends.Cuda);
        using IDisposable _ = device.Use();
        float[][] actual = Pixels(batch => Assert.Equal(erase > 0, batch.Bytes.IsEmpty));
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i]);

        float[][] Pixels(Action<Batch> look)
        {
            using DataLoader loader = new(pictures, transform, new LoaderOptions(6, Shuffle: true, Workers: 1));
            List<float[]> all = [];
            foreach (Batch loaded in loader.Epoch(1))
            {
                using Batch batch = loaded;
                look(batch);
                using BatchPixels pixels = new(batch);
                all.Add(pixels.Tensor.ToArray());
                Assert.Equal(all[^1], batch.Pixels.ToArray());      // the host makes the same of them
            }

            return [.. all];
        }
    }

    [Fact]
    public void Frozen_matrices_lie_on_the_card_in_the_type_of_the_products_alone()
    {
        using TinyTask task = new();
        Recipe recipe = Recipe.Load(task.Recipe, ["precision=bfloat16"]);
        using Backbone here = RecipeBackbone.Load(recipe);
        TestDevice device = TestDevice.Of(CpuBackends.Cuda);
        using IDisposable _ = device.Use();
        using TensorScope scope = new();
        using Backbone model = RecipeBackbone.Load(recipe);
        model.Forward(Tensor.Full(new Shape(2, 3, 16, 16), 0.5f)).ToArray();
        foreach ((Block block, Block same) in model.Blocks.Zip(here.Blocks))
        {
            Assert.True(((CudaStorage)block.Mlp.Fc1.Weight.Storage).IsLater);
            Assert.True(((CudaStorage)block.Attn.Qkv.Weight.Storage).IsLater);
            Assert.Equal(same.Mlp.Fc1.Weight.ToArray(), block.Mlp.Fc1.Weight.ToArray());      // whoever reads them gets them
            Assert.False(((CudaStorage)block.Mlp.Fc1.Weight.Storage).IsLater);
        }
    }

    [Fact]
    public void A_card_that_is_not_there_is_named_with_those_that_are() => Assert.Equal(
        "There is no cuda:3; this machine has cuda:0.",
        Assert.Throws<CudaException>(() => new CudaContext(CudaLibraries.Of(CudaEmulator.File), 3)).Message);

    /// <summary>The losses of AdaptFormer with dropout under Adam, on eight batches in turn.</summary>
    private static float[] Train(int steps, Action<int> done)
    {
        using Backbone model = TinyVit.Create(TinyVit.Config with { EmbedDim = 16, Depth = 2, NumHeads = 2 });
        new AdaptFormerTuning(4, Head: HeadKind.Plain).Attach(model, TinyVit.Classes, new Rng(3));
        using FlatParameters flat = new(model.TrainableParameters());
        using Tensor mean = Tensor.Zeros(flat.Length), square = Tensor.Zeros(flat.Length);
        float[] losses = new float[steps];
        for (int step = 0; step < steps; step++)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(100 + step));
            flat.ZeroGradients();
            Tensor loss = model.Forward(tape.Watch(TinyVit.Pixels(seed: step % 2))).SoftmaxCrossEntropy(TinyVit.Labels);
            tape.Backward(loss);
            float t = step + 1;
            new AdamStepCall(flat.Values, flat.Gradients, mean, square, new AdamSettings(
                0.9f, 0.1f, 0.999f, 0.001f, 1e-8f, 0, 1, 0.01f / (1 - MathF.Pow(0.9f, t)), MathF.Sqrt(1 - MathF.Pow(0.999f, t)))).Run();
            flat.Changed();
            losses[step] = loss.Item();
            done(step);
        }

        return losses;
    }
}
