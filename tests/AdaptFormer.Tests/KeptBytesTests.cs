using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests;

/// <summary>What a training pass keeps, to the byte: the promise of parameter-efficient tuning.</summary>
public sealed class KeptBytesTests
{
    private const int B = TinyVit.Batch, K = TinyVit.Classes, N = 17, C = 24, H = 48, M = 6, P = 2, Depth = 3, PatchInputs = 48;
    private const int Float = 4, Half = 2;

    // Norm, batch norm and loss after the blocks. A norm keeps its input and each row's mean and deviation; the batch norm its output, which the
    // head's linear layer reads too, and C deviations; the loss its gradient.
    private const int NormOfClassToken = B * (C + 2), Head = (B * C) + C + (B * K);

    [Fact]
    public void AdaptFormer_keeps_no_input_of_a_frozen_layer()
    {
        // Nothing below the first adapter needs a gradient: there its own input and its bottleneck, once for ReLU and dropout, are all.
        int first = (B * N * C) + (B * N * M);
        int adapted = Attention(N, N) + FeedForward(N) + Gelu(N) + (B * N * M);
        int last = Attention(N, 1) + FeedForward(1) + Gelu(1) + (B * M);                  // only the class token goes on
        Assert.Equal(Float * (first + adapted + last + NormOfClassToken + Head), Kept(new AdaptFormerTuning(M)));
    }

    [Fact]
    public void In_bf16_the_activations_of_the_blocks_take_half_and_the_slope_of_gelu_a_byte()
    {
        int first = (B * N * C) + (B * N * M);
        int adapted = Attention(N, N) + FeedForward(N) + (B * N * M) - Statistics(N, N);
        int last = Attention(N, 1) + FeedForward(1) + (B * M) - Statistics(N, 1);
        int statistics = Statistics(N, N) + Statistics(N, 1);
        Assert.Equal((Half * (first + adapted + last)) + Hidden(N) + Hidden(1) + (Float * (statistics + NormOfClassToken + Head)), Kept(new AdaptFormerTuning(M), DataType.BFloat16));
    }

    [Fact]
    public void A_linear_probe_keeps_the_heads_input_alone() =>
        Assert.Equal(Float * ((B * C) + (B * K)), Kept(new LinearProbe()));

    [Fact]
    public void Prompts_keep_what_attention_and_norms_read_for_every_token()
    {
        int block = Attention(N + P, N + P) + FeedForward(N + P) + Gelu(N + P);
        int last = Attention(N + P, P + 1) + FeedForward(P + 1) + Gelu(P + 1);
        Assert.Equal(Float * (((Depth - 1) * block) + last + NormOfClassToken + Head), Kept(new VptTuning(P)));
    }

    [Fact]
    public void Full_tuning_keeps_the_input_of_every_layer()
    {
        int patches = B * (N - 1) * PatchInputs;
        int block = Attention(N, N) + FeedForward(N) + Gelu(N) + Inputs(N, N);
        int last = Attention(N, 1) + FeedForward(1) + Gelu(1) + Inputs(N, 1);
        Assert.Equal(Float * (patches + ((Depth - 1) * block) + last + NormOfClassToken + Head), Kept(new FullTuning()));

        // The normed inputs of qkv and fc1, the attention's output for proj, the hidden units for fc2.
        static int Inputs(int tokens, int readout) => (B * tokens * C) + (2 * B * readout * C) + (B * readout * H);
    }

    [Fact]
    public void Methods_that_train_biases_or_norms_keep_what_attention_and_norms_read()
    {
        int block = Attention(N, N) + FeedForward(N) + Gelu(N), last = Attention(N, 1) + FeedForward(1) + Gelu(1);
        int expected = Float * (((Depth - 1) * block) + last + NormOfClassToken + Head);
        Assert.Equal(expected, Kept(new BitFitTuning()));
        Assert.Equal(expected, Kept(new NormTuning()));
    }

    [Fact]
    public void Lora_keeps_the_input_of_its_layers_alone_and_r_numbers()
    {
        const int R = 3;
        int lora = (B * N * C) + (2 * B * N * R);
        int first = (3 * B * N * C) + (2 * B * N) + FeedForward(N) + Gelu(N) + lora;           // its norm1 stands below everything that trains
        int block = Attention(N, N) + FeedForward(N) + Gelu(N) + lora, last = Attention(N, 1) + FeedForward(1) + Gelu(1) + lora;
        Assert.Equal(Float * (first + block + last + NormOfClassToken + Head), Kept(new LoraTuning(R, Targets: "q,v")));
        int head = NormOfClassToken + Head, hidden = (B * H) + (B * R);
        Assert.Equal(Float * (hidden + head), Kept(new LoraTuning(R, Targets: "fc2", Layers: "3")));
    }

    [Fact]
    public void Houlsby_keeps_each_adapters_input_and_bottleneck_twice()
    {
        int adapters = 2 * ((B * N * C) + (B * N * M * 3 / 2));          // the bottleneck's GELU too keeps its slope in half a float
        int block = Attention(N, N) + FeedForward(N) + Gelu(N) + adapters;
        Assert.Equal(Float * ((Depth * block) + NormOfClassToken + Head), Kept(new HoulsbyTuning(M)));
        int first = adapters + FeedForward(N) + (2 * B * N) + Gelu(N);                          // norms frozen: nothing below the first adapter
        Assert.Equal(Float * (first + ((Depth - 1) * block) + NormOfClassToken + Head), Kept(new HoulsbyTuning(M, Norms: false)));
    }

    [Fact]
    public void Ssf_keeps_the_output_of_every_layer()
    {
        int block = Attention(N, N) + FeedForward(N) + Hidden(N) + Outputs(N, N), last = Attention(N, 1) + FeedForward(1) + Hidden(1) + Outputs(N, 1);      // GELU stands alone, behind a scale, and keeps its input
        int patches = B * (N - 1) * C, norm = B * C;
        Assert.Equal(Float * (patches + ((Depth - 1) * block) + last + norm + NormOfClassToken + Head), Kept(new SsfTuning()));

        // norm1 and qkv for all tokens; proj, norm2, fc1 and fc2 for those that go on.
        static int Outputs(int tokens, int readout) => (4 * B * tokens * C) + (3 * B * readout * C) + (B * readout * H);
    }

    [Fact]
    public void Ia3_keeps_what_it_scales()
    {
        // The factors of queries, keys and values are joined anew in each pass, and kept where a gradient goes on below.
        int first = (2 * 3 * B * N * C) + (2 * B * N) + FeedForward(N) + Gelu(N) + Hidden(N);
        int block = Attention(N, N) + FeedForward(N) + Gelu(N) + Scaled(N), last = Attention(N, 1) + FeedForward(1) + Gelu(1) + Scaled(1);
        Assert.Equal(Float * (first + block + last + NormOfClassToken + Head), Kept(new Ia3Tuning()));

        static int Scaled(int readout) => (3 * B * N * C) + Hidden(readout) + (3 * C);
    }

    [Fact]
    public void Convolving_adapters_keep_their_input_and_the_bottleneck()
    {
        int first = (B * N * C) + (B * N * M), adapted = Attention(N, N) + FeedForward(N) + Gelu(N) + (B * N * M);
        int whole = Float * (first + ((Depth - 1) * adapted) + NormOfClassToken + Head);
        Assert.Equal(whole, Kept(new AdaptFormerTuning(M, Form: AdapterForm.Conv)));
        Assert.Equal(whole + (Float * Depth * B * N * M), Kept(new AdaptFormerTuning(M, Form: AdapterForm.Dwconv)));
    }

    [Fact]
    public void Nothing_is_recorded_below_the_first_trainable_parameter()
    {
        // Adapter in block 2 of 3: down, dropout and up. Block 3: the two norms, qkv, attention, proj, fc1, fc2, and the class token taken ahead of its residual.
        // After it: take the class token (already alone: nothing), norm, reshape, batch norm, linear, loss.
        using VisionTransformer model = TinyVit.Create();
        new AdaptFormerTuning(M, Layers: "2-2").Attach(model, K, new Rng(0));
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0));
        TinyVit.Loss(model, tape);
        Assert.Equal(3 + 8 + 5, tape.Count);
    }

    [Fact]
    public void A_frozen_parameter_gets_no_gradient()
    {
        foreach (Tuning tuning in new Tuning[] { new AdaptFormerTuning(M), new VptTuning(P), new LinearProbe(), new LoraTuning(2), new SsfTuning(), new HoulsbyTuning(M), new Ia3Tuning(), new BitFitTuning(), new NormTuning() })
        {
            using VisionTransformer model = TinyVit.Create();
            tuning.Attach(model, K, new Rng(0));
            using TensorScope scope = new();
            using Tape tape = new(new Rng(0));
            tape.Backward(TinyVit.Loss(model, tape));
            Assert.All(model.Parameters(), entry => Assert.Equal(entry.Value.Trainable, entry.Value.Grad is not null));
            Assert.Equal((0, 0), (tape.Count, tape.KeptBytes));
        }
    }

    private static long Kept(Tuning tuning, DataType compute = DataType.Float32)
    {
        using VisionTransformer model = TinyVit.Create(compute: compute);
        tuning.Attach(model, K, new Rng(0));
        using TensorScope scope = new();
        using Tape tape = new(new Rng(0));
        TinyVit.Loss(model, tape);
        return tape.KeptBytes;
    }

    // norm1's input with its statistics, and q, k and v.
    private static int Attention(int tokens, int readout) => (B * tokens * C) + (3 * B * tokens * C) + Statistics(tokens, readout);

    // norm2's input.
    private static int FeedForward(int tokens) => B * tokens * C;

    // The slope of GELU, two bytes each: half a float.
    private static int Gelu(int tokens) => Hidden(tokens) / 2;

    // The hidden units, or a slope in a byte for each.
    private static int Hidden(int tokens) => B * tokens * H;

    // A mean and a deviation for each row of the two norms.
    private static int Statistics(int tokens, int readout) => 2 * B * (tokens + readout);
}
