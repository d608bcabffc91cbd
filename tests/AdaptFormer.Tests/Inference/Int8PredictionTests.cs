using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Inference;

/// <summary>Precision int8: predictions near those of f32, and no training.</summary>
public sealed class Int8PredictionTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_adapter_predicts_in_8_bits_nearly_what_it_predicts_in_f32()
    {
        string backbone = TinyBackbone.Save(_folder), adapter = _folder.PathOf("adapter.safetensors");
        using (Backbone model = TinyBackbone.Open(backbone))
        {
            AdaptFormerTuning tuning = new(4);
            tuning.Attach(model, 3, new Rng(1));
            TinyBackbone.Randomize(model, 2, name => model.Parameters().Any(entry => entry.Key == name && entry.Value.Trainable));
            AdapterFile.Save(adapter, model, tuning, ["a", "b", "c"]);
        }

        using Predictor exact = Predictor.OpenAdapter(adapter, backbone, Precision.Float32), rounded = Predictor.OpenAdapter(adapter, backbone, Precision.Int8);
        Assert.All(rounded.Model.Blocks, block => Assert.True(block.Mlp.Fc1.Weight.InBytes && block.Attn.Qkv.Weight.InBytes));
        float[] ours = TinyBackbone.Logits(exact.Model), theirs = TinyBackbone.Logits(rounded.Model);
        Assert.NotEqual(ours, theirs);
        Assert.All(ours.Zip(theirs), pair => Assert.InRange(pair.Second - pair.First, -0.2, 0.2));
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
}
