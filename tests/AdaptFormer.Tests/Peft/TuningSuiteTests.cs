using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Experiments;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>What every way to tune must do. The methods are those of the registry: a new one is tested by being registered.</summary>
public sealed class TuningSuiteTests
{
    private static readonly Dictionary<string, Tuning[]> Variants = new()
    {
        ["adaptformer"] =
        [
            new AdaptFormerTuning(4), .. AdaptFormerTuning.Presets.Values, new AdaptFormerTuning(4, LearnScale: true), new AdaptFormerTuning(4, Position: AdapterPosition.Sequential),
            new AdaptFormerTuning(4, Position: AdapterPosition.Sequential, Input: AdapterInput.OwnNormIn), new AdaptFormerTuning(4, Input: AdapterInput.OwnNormOut),
            new AdaptFormerTuning(4, Activation: AdapterActivation.Gelu, Bias: false), new AdaptFormerTuning(4, Activation: AdapterActivation.Identity, LearnScale: true, Input: AdapterInput.OwnNormOut, Layers: "2-3"),
            new AdaptFormerTuning(4, Form: AdapterForm.Conv), new AdaptFormerTuning(8, Form: AdapterForm.Dwconv, LearnScale: true),
            new AdaptFormerTuning(4, Form: AdapterForm.Conv, Position: AdapterPosition.Sequential, Bias: false), new AdaptFormerTuning(4, Form: AdapterForm.Dwconv, Activation: AdapterActivation.Gelu, Init: AdapterInit.KaimingNormal),
        ],
        ["lora"] =
        [
            new LoraTuning(), new LoraTuning(2, 4, "qkv"), new LoraTuning(3, 3, "k"), new LoraTuning(2, 2, "q,k,v,proj,fc1,fc2", Dropout: 0.1f), new LoraTuning(4, 8, "v, fc2", Layers: "2", Head: HeadKind.Plain),
        ],
        ["ssf"] = [new SsfTuning(), new SsfTuning(HeadKind.Plain)],
        ["houlsby"] = [new HoulsbyTuning(6), new HoulsbyTuning(6, AdapterActivation.Relu, 0.1f, Norms: false, Layers: "1,3", Head: HeadKind.Plain)],
        ["ia3"] = [new Ia3Tuning(), new Ia3Tuning("2-3", HeadKind.Plain)],
        ["bitfit"] = [new BitFitTuning(), new BitFitTuning(HeadKind.Plain)],
        ["norm"] = [new NormTuning(), new NormTuning(HeadKind.Plain)],
        ["vpt"] = [new VptTuning(), new VptTuning(3), new VptTuning(2, Deep: false, Head: HeadKind.Plain)],
        ["linear"] = [new LinearProbe(), new LinearProbe(HeadKind.Plain)],
        ["full"] = [new FullTuning(), new FullTuning(HeadKind.Plain)],
    };

    public static TheoryData<string> Registry =>
        [.. typeof(Tuning).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(attribute => (string)attribute.TypeDiscriminator!)];

    public static TheoryData<string, int> All
    {
        get
        {
            TheoryData<string, int> all = [];
            foreach ((string method, Tuning[] variants) in Variants)
            {
                for (int i = 0; i < variants.Length; i++) all.Add(method, i);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Registry))]
    public void Every_registered_method_is_under_test_and_no_other(string method)
    {
        Assert.True(Variants.TryGetValue(method, out Tuning[]? variants), $"method '{method}' has no variant in this suite");
        Assert.All(variants, tuning => Assert.Contains($"\"method\": \"{method}\"", Json(tuning)));
        Assert.Equal(Registry.Count, Variants.Count);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void It_survives_json(string method, int variant)
    {
        Tuning tuning = Variants[method][variant];
        Assert.Equal(tuning, JsonSerializer.Deserialize<Tuning>(Json(tuning), JsonKinds.Options(RecipeJson.Default)));
        Assert.DoesNotContain(Json(tuning).Split('"'), word => word.Length > 1 && word.Any(char.IsUpper));
        Assert.NotEmpty(tuning.Formula);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_fresh_method_leaves_the_features_unchanged_where_it_promises_so(string method, int variant)
    {
        using TensorScope scope = new();
        using VisionTransformer plain = TinyVit.Create(), model = TinyVit.Create();
        Variants[method][variant].Attach(model, TinyVit.Classes, new Rng(3));
        float[] before = plain.Features(TinyVit.Pixels()).ToArray(), after = model.Features(TinyVit.Pixels()).ToArray();
        if (method == "vpt") Assert.NotEqual(before, after);
        else if (method is "lora" or "ssf" or "houlsby") ParityCase.AssertClose("features", before, after, 1e-6);      // added in another order than the plain block's one sweep
        else Assert.Equal(before, after);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void It_trains_exactly_its_own_parameters_and_the_head(string method, int variant)
    {
        using VisionTransformer model = TinyVit.Create();
        HashSet<string> backbone = [.. model.Parameters().Select(entry => entry.Key)];
        Variants[method][variant].Attach(model, TinyVit.Classes, new Rng(3));
        foreach ((string name, Parameter parameter) in model.Parameters())
            Assert.True(parameter.Trainable == (IsTrainedInPlace(Variants[method][variant], name) || !backbone.Contains(name)), $"{name} is {(parameter.Trainable ? "trained" : "frozen")}");
        Assert.All(model.Buffers(), entry => Assert.False(entry.Value.Trainable));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Two_steps_move_what_trains_and_nothing_else_and_twenty_lower_the_loss(string method, int variant)
    {
        using VisionTransformer model = TinyVit.Create();
        Variants[method][variant].Attach(model, TinyVit.Classes, new Rng(3));
        Dictionary<string, float[]> before = model.Parameters().ToDictionary(entry => entry.Key, entry => entry.Value.ToArray());
        using FlatParameters flat = new(model.TrainableParameters());
        double first = 0, best = double.PositiveInfinity;
        for (int step = 0; step < 20; step++)
        {
            using TensorScope scope = new();
            using Tape tape = new(new Rng(step));
            Tensor loss = TinyVit.Loss(model, tape);
            if (step == 0) first = loss.Item();
            else best = Math.Min(best, loss.Item());
            flat.ZeroGradients();
            tape.Backward(loss);
            new AddIntoCall(flat.Values, flat.Gradients, -0.2f).Run();
            flat.Changed();
            if (step != 1) continue;
            foreach ((string name, Parameter parameter) in model.Parameters())
            {
                // A head with BatchNorm takes any scale and shift of a feature out again, and attention any shift of all keys.
                bool hidden = name is "norm.weight" or "norm.bias" or "norm.ssf.scale" or "norm.ssf.shift" && parameter.Trainable;
                if (!hidden) Assert.True(parameter.Trainable != before[name].AsSpan().SequenceEqual(parameter.Span), $"{name} {(parameter.Trainable ? "did not move" : "moved")}");
            }
        }

        // The best of them: dropout and the statistics of four samples make each single loss jump, by a rounding more or less in other kernels.
        Assert.True(best < 0.9 * first, $"the loss went from {first} to {best} at best");
    }

    [Theory]
    [MemberData(nameof(All))]
    public void What_is_merged_answers_as_before_without_the_method_and_is_taken_back_to_the_bit(string method, int variant)
    {
        Tuning tuning = Variants[method][variant];
        using VisionTransformer model = TinyVit.Create(), plain = TinyVit.Create();
        string[] own = [.. plain.Parameters().Select(entry => entry.Key)];
        tuning.Attach(model, TinyVit.Classes, new Rng(3));
        HashSet<string> trained = [.. model.TrainableParameters().Select(entry => entry.Key)];
        TinyBackbone.Randomize(model, 4, trained.Contains);
        float[] before = TinyBackbone.Logits(model);
        string[] names = [.. model.State().Select(entry => entry.Key)];
        if (tuning.NothingToMerge is { } reason)
        {
            Assert.Contains(method, (string[])["adaptformer", "vpt", "houlsby"]);
            Assert.Contains(reason, Assert.Throws<ArgumentException>(() => tuning.Merge(model)).Message);
            Assert.Equal(before, TinyBackbone.Logits(model));
            return;
        }

        MergedWeights merged = tuning.Merge(model);
        Assert.Equal(own, model.Parameters().Select(entry => entry.Key).Where(name => !name.StartsWith("head.", StringComparison.Ordinal)));
        ParityCase.AssertClose("merged", before, TinyBackbone.Logits(model), 1e-4);
        merged.Unmerge();
        merged.Unmerge();
        Assert.Equal(before, TinyBackbone.Logits(model));
        Assert.Equal(names.Order(), model.State().Select(entry => entry.Key).Order());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void It_runs_in_bf16(string method, int variant)
    {
        using VisionTransformer exact = TinyVit.Create(), rounded = TinyVit.Create(compute: DataType.BFloat16);
        List<float[]> logits = [], gradients = [];
        foreach (VisionTransformer model in new[] { exact, rounded })
        {
            using TensorScope scope = new();
            Tuning tuning = Variants[method][variant] with { Head = HeadKind.Plain };       // batch statistics of four samples would magnify the rounding
            tuning.Attach(model, TinyVit.Classes, new Rng(3));
            HashSet<string> trained = [.. model.TrainableParameters().Select(entry => entry.Key)];
            TinyBackbone.Randomize(model, 4, trained.Contains);
            using FlatParameters flat = new(model.TrainableParameters());
            using Tape tape = new(new Rng(0));
            tape.Backward(TinyVit.Loss(model, tape));
            gradients.Add(flat.Gradients.ToArray());
            logits.Add(model.Forward(TinyVit.Pixels()).ToArray());
        }

        ParityCase.AssertClose("logits in bf16", logits[0], logits[1], 5e-2);
        Assert.True(Cosine(gradients[0], gradients[1]) > 0.98, $"the gradient's direction differs: {Cosine(gradients[0], gradients[1])}");

        static double Cosine(float[] a, float[] b)
        {
            double dot = 0, aa = 0, bb = 0;
            foreach ((float x, float y) in a.Zip(b)) (dot, aa, bb) = (dot + ((double)x * y), aa + ((double)x * x), bb + ((double)y * y));
            return dot / Math.Sqrt(aa * bb);
        }
    }

    [Fact]
    public void Parameters_of_a_real_model_number_as_in_the_papers()
    {
        (Tuning Tuning, long Expected)[] cases =
        [
            (new AdaptFormerTuning(), 1_189_632), (new AdaptFormerTuning(1), 12 * ((2 * 768) + 1 + 768)), (new AdaptFormerTuning(Layers: "7-12"), 1_189_632 / 2),
            (new AdaptFormerTuning(LearnScale: true), 1_189_632 + 12), (new AdaptFormerTuning(Bias: false), 12 * 2 * 768 * 64), (AdaptFormerTuning.Vpetl, 12 * ((2 * 768 * 8) + 8 + 768 + (2 * 768))),
            (new AdaptFormerTuning(14, Form: AdapterForm.Conv), 12 * ((9 * 768 * 14) + 14 + (14 * 768) + 768)), (new AdaptFormerTuning(Form: AdapterForm.Dwconv), 1_189_632 + (12 * 64 * 10)),
            (new LoraTuning(), 12 * 2 * 2 * 768 * 8), (new LoraTuning(4, 4, "q,k,v,proj,fc1,fc2"), 12 * 4 * ((4 * 2 * 768) + (2 * (768 + 3072)))), (new LoraTuning(8, 8, "qkv"), 12 * 8 * (768 + 2304)),
            (new SsfTuning(), (12 * 2 * ((4 * 768) + 2304 + 3072)) + (2 * 2 * 768)), (new HoulsbyTuning(), (2 * 1_189_632) + (25 * 2 * 768)), (new HoulsbyTuning(Norms: false), 2 * 1_189_632),
            (new Ia3Tuning(), 12 * ((2 * 768) + 3072)),
            (new BitFitTuning(), (12 * (2304 + 768 + 3072 + 768 + (2 * 768))) + (2 * 768)), (new NormTuning(), 25 * 2 * 768),
            (new VptTuning(), 12 * 768), (new VptTuning(50), 12 * 768 * 50), (new VptTuning(50, Deep: false), 768 * 50), (new LinearProbe(), 0), (new FullTuning(), 85_798_656),
        ];
        using VisionTransformer model = new("vit_base_patch16_224", new VitConfig());
        foreach ((Tuning tuning, long expected) in cases)
        {
            tuning.Attach(model, 100, new Rng(0));
            Assert.Equal(expected, model.TrainableParameters().Where(entry => !entry.Key.StartsWith("head.", StringComparison.Ordinal)).Sum(entry => entry.Value.Length));
            Assert.Equal((768 * 100) + 100, model.Head!.Parameters().Sum(entry => entry.Value.Length));
        }
    }

    [Fact]
    public void A_method_replaces_the_one_before_it()
    {
        using TensorScope scope = new();
        using VisionTransformer model = TinyVit.Create(), fresh = TinyVit.Create();
        foreach (Tuning tuning in Variants.Values.SelectMany(variants => variants).Where(tuning => tuning is not FullTuning)) tuning.Attach(model, 3, new Rng(1));
        new AdaptFormerTuning(5).Attach(model, TinyVit.Classes, new Rng(2));
        new AdaptFormerTuning(5).Attach(fresh, TinyVit.Classes, new Rng(2));
        Assert.Equal(fresh.State().Select(entry => (entry.Key, entry.Value.Tensor.Shape, entry.Value.Tensor.Trainable)), model.State().Select(entry => (entry.Key, entry.Value.Tensor.Shape, entry.Value.Tensor.Trainable)));
        Assert.Equal(fresh.Forward(TinyVit.Pixels()).ToArray(), model.Forward(TinyVit.Pixels()).ToArray());
    }

    [Fact]
    public void A_method_that_does_not_fit_leaves_the_model_as_it_was()
    {
        using VisionTransformer model = TinyVit.Create();
        new AdaptFormerTuning(5).Attach(model, 3, new Rng(2));
        string[] before = [.. model.TrainableParameters().Select(entry => entry.Key)];
        Assert.Throws<ArgumentException>(() => new AdaptFormerTuning(5, Layers: "4").Attach(model, 3, new Rng(2)));
        Assert.Equal("Tuning.Attach: classes is 0, expected at least 1.", Assert.Throws<ArgumentException>(() => new LinearProbe().Attach(model, 0, new Rng(2))).Message);
        Assert.Equal(before, model.TrainableParameters().Select(entry => entry.Key));
    }

    [Fact]
    public void Wrong_options_are_named_with_value_and_range_all_at_once()
    {
        using VisionTransformer model = TinyVit.Create();
        AdaptFormerTuning wrong = new(Bottleneck: 0, Scale: float.PositiveInfinity, Dropout: 1, Position: AdapterPosition.Sequential, Input: AdapterInput.SharedNorm, Layers: "2-9");
        string message = Assert.Throws<ArgumentException>(() => wrong.Attach(model, 3, new Rng(0))).Message;
        string[] expected =
        [
            "tuning.bottleneck is 0, expected at least 1", "tuning.scale is Infinity, expected a finite number", "tuning.dropout is 1, expected a number in [0, 1)",
            "tuning.input shared_norm needs tuning.position parallel", "tuning.layers is '2-9', expected 'all' or blocks between 1 and 3",
        ];
        Assert.All(expected, part => Assert.Contains(part, message));
        string lora = Assert.Throws<ArgumentException>(() => new LoraTuning(0, float.NaN, "q,qkv", 1, "9").Attach(model, 3, new Rng(0))).Message;
        Assert.All(
            (string[])["LoRA: tuning.rank is 0, expected at least 1", "tuning.alpha is NaN", "tuning.dropout is 1", "qkv is the whole projection", "tuning.layers is '9'"],
            part => Assert.Contains(part, lora));
        Assert.Contains("expected some of q, k, v, qkv, proj, fc1, fc2, each once", Assert.Throws<ArgumentException>(() => new LoraTuning(Targets: "q,mlp").Attach(model, 3, new Rng(0))).Message);
        Assert.StartsWith("Houlsby: tuning.bottleneck is 0", Assert.Throws<ArgumentException>(() => new HoulsbyTuning(0).Attach(model, 3, new Rng(0))).Message);
        Assert.StartsWith("IA³: tuning.layers is '0'", Assert.Throws<ArgumentException>(() => new Ia3Tuning("0").Attach(model, 3, new Rng(0))).Message);
        Assert.Equal("VPT: tuning.num_prompts is 0, expected at least 1.", Assert.Throws<ArgumentException>(() => new VptTuning(0).Attach(model, 3, new Rng(0))).Message);
    }

    [Fact]
    public void Weights_that_a_method_trained_in_place_come_back_for_the_next()
    {
        foreach (Tuning tuning in new Tuning[] { new BitFitTuning(), new NormTuning(), new HoulsbyTuning(3) })
        {
            using VisionTransformer model = TinyVit.Create(), plain = TinyVit.Create();
            string digest = plain.ContentDigest();
            tuning.Attach(model, TinyVit.Classes, new Rng(3));
            HashSet<string> trained = [.. model.TrainableParameters().Select(entry => entry.Key)];
            TinyBackbone.Randomize(model, 4, trained.Contains);
            Assert.Equal(digest, model.ContentDigest());
            new LinearProbe().Attach(model, TinyVit.Classes, new Rng(3));
            new LinearProbe().Attach(plain, TinyVit.Classes, new Rng(3));
            Assert.Equal(TinyBackbone.Logits(plain), TinyBackbone.Logits(model));
        }
    }

    [Fact]
    public void A_methods_id_gives_it_with_its_defaults()
    {
        Assert.Equal(new LoraTuning(), Tuning.Default("lora"));
        Assert.Contains("known: adaptformer,", Assert.Throws<ArgumentException>(() => Tuning.Default("lore")).Message);
    }

    private static bool IsTrainedInPlace(Tuning tuning, string name) => tuning switch
    {
        FullTuning => true,
        BitFitTuning => name.EndsWith("bias", StringComparison.Ordinal),
        NormTuning or HoulsbyTuning { Norms: true } => name.Contains("norm", StringComparison.Ordinal),
        _ => false,
    };

    private static string Json(Tuning tuning) => JsonSerializer.Serialize(tuning, JsonKinds.Options(RecipeJson.Default));
}
