using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.Cpu;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Peft;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference;

/// <summary>Precision int8: predictions near those of f32, and no training.</summary>
[Collection(ProcessWideState.Name)]
public sealed class Int8PredictionTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_adapter_predicts_in_8_bits_nearly_what_it_predicts_in_f32()
    {
        string backbone = TinyBackbone.Save(_folder), adapter = Adapter(backbone, TinyBackbone.Config);
        using Predictor exact = Predictor.OpenAdapter(adapter, backbone, Precision.Float32), rounded = Predictor.OpenAdapter(adapter, backbone, Precision.Int8);
        Assert.All(rounded.Model.Blocks, block => Assert.True(block.Mlp.Fc1.Weight.InBytes && block.Attn.Qkv.Weight.InBytes));
        float[] ours = TinyBackbone.Logits(exact.Model), theirs = TinyBackbone.Logits(rounded.Model);
        Assert.NotEqual(ours, theirs);
        Assert.All(ours.Zip(theirs), pair => Assert.InRange(pair.Second - pair.First, -0.2, 0.2));
    }

    [Theory]
    [MemberData(nameof(MethodsByBackboneTests.Cells), MemberType = typeof(MethodsByBackboneTests))]
    public void Every_method_on_every_family_predicts_in_8_bits_nearly_the_same(string method, string backbone)
    {
        using Backbone model = TinyModels.Create(backbone);
        Assert.SkipUnless(MethodsByBackboneTests.TryAttach(method, model), $"{method} does not go with {backbone}");
        TinyBackbone.Randomize(model, 7, _ => true);
        model.Freeze();
        float[] exact = TinyBackbone.Logits(model);
        model.PredictInBytes();
        double allowed = 0.25 * (exact.Max(Math.Abs) + 0.1);      // rows of 16 to 32 numbers: coarser than any real model
        Assert.All(exact.Zip(TinyBackbone.Logits(model)), pair => Assert.InRange(pair.Second - pair.First, -allowed, allowed));
        model.PredictInBytes(model.Blocks.Count, inBytes: false);
        Assert.Equal(exact, TinyBackbone.Logits(model));
    }

    [Theory]
    [InlineData(CpuBackends.Managed)]
    [InlineData(CpuBackends.OneDnnName)]
    public void One_two_and_three_threads_predict_the_same_to_the_bit(string backend)
    {
        using IDisposable _ = CpuBackends.Use(backend);
        VitConfig config = new(32, 32, 4, EmbedDim: 96, Depth: 2, NumHeads: 3);      // products that are worth cutting
        string backbone = TinyBackbone.Save(_folder, config: config), adapter = Adapter(backbone, config);
        int threads = CpuParallel.Threads;
        try
        {
            float[][] logits = [.. new[] { 1, 2, 3 }.Select(count =>
            {
                CpuParallel.Threads = count;
                using Predictor predictor = Predictor.OpenAdapter(adapter, backbone, Precision.Int8);
                return TinyBackbone.Logits(predictor.Model);
            })];
            Assert.Equal(logits[0], logits[1]);
            Assert.Equal(logits[0], logits[2]);
        }
        finally
        {
            CpuParallel.Threads = threads;
        }
    }

    [Fact]
    public void A_bank_of_tasks_answers_in_8_bits_as_a_predictor_does()
    {
        string backbone = TinyBackbone.Save(_folder), adapter = Adapter(backbone, TinyBackbone.Config);
        using Predictor exact = Predictor.OpenAdapter(adapter, backbone, Precision.Float32), alone = Predictor.OpenAdapter(adapter, backbone, Precision.Int8);
        string told = _folder.PathOf("told.safetensors");
        using (Backbone model = TinyBackbone.Open(backbone, TinyBackbone.Config))
            CheckpointConverter.Save(told, StateDict.Of(model), new WeightsCard(Preprocessing.ImageNet(model.InputShape[^1]), Config: model.Config));
        using TaskBank bank = TaskBank.Open(told, precision: Precision.Int8);
        bank.Load(adapter, "one");
        bank.Load(adapter, "two");
        Assert.True(bank.Model.PredictsInBytes);
        Shape shape = new([1, .. bank.Model.InputShape]);
        float[] pixels = GradCheck.Numbers(new Rng(5), (int)shape.Length);
        using TensorScope scope = new();
        float[] expected = alone.Model.Forward(Tensor.From(pixels, shape)).ToArray();
        Assert.NotEqual(exact.Model.Forward(Tensor.From(pixels, shape)).ToArray(), expected);
        foreach (TaskAnswer answer in bank.Ask(VisualInput.Tensor(pixels), ["one", "two"]))
        {
            float[] logits = [.. answer.Logits];
            Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }
    }

    [Fact]
    public void Training_refuses_it()
    {
        RecipeException error = Assert.Throws<RecipeException>(() => Recipe.Parse("""
            { "model": { "name": "vit_tiny_patch16_224", "weights": null }, "tuning": { "method": "linear" },
              "data": { "train": "none" }, "precision": "int8" }
            """));
        Assert.Contains("int8 is for predictions", error.Message);
    }

    private string Adapter(string backbone, VitConfig config)
    {
        string adapter = _folder.PathOf("adapter.safetensors");
        using Backbone model = TinyBackbone.Open(backbone, config);
        AdaptFormerTuning tuning = new(4);
        tuning.Attach(model, 3, new Rng(1));
        TinyBackbone.Randomize(model, 2, name => model.Parameters().Any(entry => entry.Key == name && entry.Value.Trainable));
        AdapterFile.Save(adapter, model, tuning, ["a", "b", "c"]);
        return adapter;
    }
}
