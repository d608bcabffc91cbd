using AdaptFormer.Tensors;
using AdaptFormer.Training.Optimizers;
using Xunit;

namespace AdaptFormer.Tests.Training.Optimizers;

public sealed class OptimizerTests
{
    public static TheoryData<OptimizerOptions> All =>
    [
        new SgdOptions(), new SgdOptions(Momentum: 0), new SgdOptions(Nesterov: true, WeightDecay: 0.1), new SgdOptions(Dampening: 0.5),
        new AdamOptions(WeightDecay: 0.1), new AdamWOptions(), new LarsOptions(WeightDecay: 0.1),
    ];

    [Theory]
    [MemberData(nameof(All))]
    public void Vector_lanes_and_tail_give_the_same_bits(OptimizerOptions options)
    {
        // One element per segment runs in the tail only; one long segment runs in lanes. Rank 1 keeps LARS from mixing elements.
        const int Length = 67;
        ParameterSegment[] lanes = [new("p", 0, Length, 1)];
        ParameterSegment[] tails = [.. Enumerable.Range(0, Length).Select(i => new ParameterSegment($"p{i}", i, 1, 1))];
        Assert.Equal(Train(options.Create(lanes), Length, 5), Train(options.Create(tails), Length, 5));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Restored_state_continues_bit_for_bit(OptimizerOptions options)
    {
        ParameterSegment[] segments = [new("w", 0, 40, 2), new("b", 48, 5, 1)];
        float[] whole = Train(options.Create(segments), 53, 7);

        Optimizer first = options.Create(segments);
        float[] values = Train(first, 53, 3);
        Dictionary<string, ReadOnlyMemory<float>> saved = first.State.ToDictionary(e => e.Name, e => (ReadOnlyMemory<float>)e.Values);
        Optimizer second = options.Create(segments);
        second.Restore(first.Steps, saved);
        Assert.Equal(whole, Train(second, 53, 4, values));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Gaps_between_segments_stay_untouched(OptimizerOptions options)
    {
        float[] values = Train(options.Create([new("w", 2, 20, 2), new("b", 32, 5, 1)]), 53, 2);
        float[] start = Start(53);
        Assert.Equal(start[..2], values[..2]);
        Assert.Equal(start[22..32], values[22..32]);
        Assert.Equal(start[37..], values[37..]);
        Assert.All(Enumerable.Range(2, 20), i => Assert.NotEqual(start[i], values[i]));
    }

    [Fact]
    public void A_step_at_rate_zero_fills_the_momentum_buffer_and_moves_nothing()
    {
        Optimizer optimizer = new SgdOptions(Momentum: 0.5).Create([new("p", 0, 1, 1)]);
        using TensorScope scope = new();
        Tensor p = Tensor.Full(new Shape(1), 1);
        optimizer.Step(p, Tensor.Full(p.Shape, 4), lr: 0);
        Assert.Equal(1, p.Item());
        optimizer.Step(p, Tensor.Zeros(1), lr: 1);
        Assert.Equal(-1, p.Item()); // 1 - (0.5 · 4)
    }

    // Without a gradient only decay moves a number: by lr · decay of it, or through the gradient to Adam's step of lr.
    public static TheoryData<OptimizerOptions, float> Sparing => new()
    {
        { new SgdOptions(WeightDecay: 0.5, DecayVectors: false, Momentum: 0), 1 },
        { new AdamWOptions(WeightDecay: 0.5, DecayVectors: false), 1 },
        { new AdamOptions(WeightDecay: 0.5, DecayVectors: false), 1 },
    };

    [Theory]
    [MemberData(nameof(Sparing))]
    public void Biases_are_spared_from_decay_on_request(OptimizerOptions options, float decayed)
    {
        Optimizer optimizer = options.Create([new("w", 0, 1, 2), new("b", 1, 1, 1)]);
        using TensorScope scope = new();
        Tensor p = Tensor.Full(new Shape(2), 2);
        optimizer.Step(p, Tensor.Zeros(2), lr: 1);
        Assert.Equal([decayed, 2f], p.ToArray(), (a, b) => Math.Abs(a - b) < 1e-5f);
    }

    [Fact]
    public void Dampening_leaves_the_first_gradient_whole()
    {
        Optimizer optimizer = new SgdOptions(Momentum: 0.5, Dampening: 0.75).Create([new("p", 0, 1, 1)]);
        using TensorScope scope = new();
        Tensor p = Tensor.Zeros(1);
        optimizer.Step(p, Tensor.Full(p.Shape, 4), lr: 1);
        Assert.Equal(-4, p.Item());
        optimizer.Step(p, Tensor.Full(p.Shape, 4), lr: 1);
        Assert.Equal(-4 - (0.5f * 4) - (0.25f * 4), p.Item());
    }

    [Fact]
    public void State_that_does_not_fit_is_refused_with_every_difference_and_changes_nothing()
    {
        Optimizer optimizer = new AdamWOptions().Create([new("w", 0, 2, 2), new("b", 2, 1, 1)]);
        Dictionary<string, ReadOnlyMemory<float>> state = new()
        {
            ["mean/w"] = new float[] { 1, 1 },
            ["mean/b"] = new float[] { 1 },
            ["square/w"] = new float[3],
            ["other"] = new float[1],
        };
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => optimizer.Restore(3, state));
        Assert.Contains("square/w has 3 values, expected 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("missing square/b", error.Message, StringComparison.Ordinal);
        Assert.Contains("unexpected other", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, optimizer.Steps);
        Assert.All(optimizer.State, entry => Assert.All(entry.Values, v => Assert.Equal(0, v)));
    }

    [Fact]
    public void Overlapping_and_equally_named_segments_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new SgdOptions().Create([new("a", 0, 4, 1), new("b", 3, 1, 1)]));
        Assert.Throws<ArgumentException>(() => new SgdOptions().Create([new("a", 0, 4, 1), new("a", 4, 1, 1)]));
    }

    [Fact]
    public void The_learning_rate_follows_the_effective_batch_unless_it_is_given_outright()
    {
        Assert.Equal(0.4, new SgdOptions(BaseLr: 0.1).PeakLr(1024), 12);
        Assert.Equal(0.02, new SgdOptions(Lr: 0.02).PeakLr(1024), 12);
    }

    private static float[] Start(int length)
    {
        Rng rng = new(1);
        return [.. Enumerable.Range(0, length).Select(_ => (float)rng.NextNormal())];
    }

    private static float[] Train(Optimizer optimizer, int length, int steps, float[]? values = null)
    {
        using TensorScope scope = new();
        Tensor trained = Tensor.From(values ?? Start(length), new Shape(length));
        for (int step = 0; step < steps; step++)
        {
            Rng rng = new Rng(2).Derive(optimizer.Steps);
            float[] gradients = [.. Enumerable.Range(0, length).Select(_ => (float)rng.NextNormal())];
            optimizer.Step(trained, Tensor.From(gradients, trained.Shape), 0.01);
        }

        return trained.ToArray();
    }
}
