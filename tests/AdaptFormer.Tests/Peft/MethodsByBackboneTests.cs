using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Peft;

/// <summary>Every method on every family of backbones: what the table in docs/methods.md says is what happens.</summary>
public sealed class MethodsByBackboneTests : IDisposable
{
    private static readonly IReadOnlyDictionary<string, Tuning> Methods = new Dictionary<string, Tuning>
    {
        ["adaptformer"] = new AdaptFormerTuning(4),
        ["adaptformer, conv"] = new AdaptFormerTuning(4, Form: AdapterForm.Conv),
        ["adaptformer, dwconv"] = new AdaptFormerTuning(8, Form: AdapterForm.Dwconv),
        ["vpt"] = new VptTuning(2),
        ["lora"] = new LoraTuning(2, 4, "q,k,v,proj,fc1,fc2"),
        ["ssf"] = new SsfTuning(),
        ["houlsby"] = new HoulsbyTuning(4),
        ["ia3"] = new Ia3Tuning(),
        ["bitfit"] = new BitFitTuning(),
        ["norm"] = new NormTuning(),
        ["linear"] = new LinearProbe(),
        ["full"] = new FullTuning(),
    };

    private static readonly string[] Labels = [.. Enumerable.Range(0, TinyModels.Classes).Select(i => $"class {i}")];
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Cells
    {
        get
        {
            TheoryData<string, string> cells = [];
            foreach (string method in Methods.Keys)
            {
                foreach (string backbone in TinyModels.All.Keys) cells.Add(method, backbone);
            }

            return cells;
        }
    }

    /// <summary>Attaches a method of the table, if it goes with the model.</summary>
    internal static bool TryAttach(string method, Backbone model)
    {
        try
        {
            Methods[method].Attach(model, TinyModels.Classes, new Rng(3));
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    [Fact]
    public void The_documentations_table_has_every_method_and_every_backbone()
    {
        string[][] table = Table();
        Assert.Equal(["method", .. TinyModels.All.Keys], table[0]);
        Assert.Equal(Methods.Keys.Select(name => $"`{name}`"), table[1..].Select(row => row[0]));
        Assert.Equal(Tuning.Methods.Order(), Methods.Values.Select(tuning => tuning.Method).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void The_cell_says_what_happens(string method, string backbone)
    {
        string[][] table = Table();
        string cell = table.Single(row => row[0] == $"`{method}`")[Array.IndexOf(table[0], backbone)];
        Tuning tuning = Methods[method];
        using Backbone model = TinyModels.Create(backbone);
        if (cell == "refused")
        {
            string message = Assert.Throws<ArgumentException>(() => tuning.Attach(model, TinyModels.Classes, new Rng(3))).Message;
            Assert.Contains(model.Id, message);
            Assert.Null(model.Head);
            return;
        }

        FreshAnswer(tuning, model, backbone);
        float[] answer = Train(tuning, model);
        Reload(tuning, model, backbone, answer);
        bool merges = Merge(tuning, model, answer);
        Assert.Equal(merges && tuning is LoraTuning or SsfTuning or Ia3Tuning ? "yes, merges" : "yes", cell);
        Round(tuning, backbone);
    }

    private static void FreshAnswer(Tuning tuning, Backbone model, string backbone)
    {
        using TensorScope scope = new();
        using Backbone plain = TinyModels.Create(backbone);
        tuning.Attach(model, TinyModels.Classes, new Rng(3));
        if (tuning is not VptTuning) ParityCase.AssertClose("fresh features", plain.Features(TinyModels.Pixels(plain)).ToArray(), model.Features(TinyModels.Pixels(model)).ToArray(), 1e-5);
    }

    /// <summary>Trains a little: the loss falls and frozen weights stay.</summary>
    private static float[] Train(Tuning tuning, Backbone model)
    {
        Dictionary<string, float[]> frozen = model.Parameters().Where(entry => !entry.Value.Trainable).ToDictionary(entry => entry.Key, entry => entry.Value.ToArray());
        using (FlatParameters flat = new(model.TrainableParameters()))
        {
            double first = 0, last;
            for (int step = 0; step < 15; step++)
            {
                using TensorScope scope = new();
                using Tape tape = new(new Rng(step));
                Tensor loss = TinyModels.Loss(model, tape);
                if (step == 0) first = loss.Item();
                flat.ZeroGradients();
                tape.Backward(loss);
                float rate = tuning is FullTuning ? 0.02f : 0.1f;
                new AddIntoCall(flat.Values, flat.Gradients, -rate).Run();
                flat.Changed();
            }

            // With what the first step left out: dropout and the statistics of four samples make the losses of other draws jump.
            using (TensorScope scope = new())
            using (Tape tape = new(new Rng(0))) last = TinyModels.Loss(model, tape).Item();
            Assert.True(last < 0.95 * first, $"the loss went from {first} to {last}");
        }

        foreach ((string name, Parameter parameter) in model.Parameters())
        {
            if (frozen.TryGetValue(name, out float[]? before)) Assert.True(before.AsSpan().SequenceEqual(parameter.Span), $"{name} moved");
        }

        return TinyBackbone.Logits(model);
    }

    private void Reload(Tuning tuning, Backbone model, string backbone, float[] answer)
    {
        string path = _folder.PathOf("adapter.safetensors");
        AdapterFile.Save(path, model, tuning, Labels, Preprocessing.ImageNet(model.InputShape[^1]));
        using Backbone fresh = TinyModels.Create(backbone);
        AdapterFile.Load(path, fresh);
        Assert.Equal(answer, TinyBackbone.Logits(fresh));
    }

    private static bool Merge(Tuning tuning, Backbone model, float[] answer)
    {
        if (tuning.NothingToMerge is not null) return false;
        MergedWeights merged;
        try
        {
            merged = tuning.Merge(model);
        }
        catch (ArgumentException refused)
        {
            Assert.Contains("has no bias that could take up the learned shift", refused.Message);
            Assert.Equal(answer, TinyBackbone.Logits(model));
            return false;
        }

        ParityCase.AssertClose("merged", answer, TinyBackbone.Logits(model), 1e-4);
        merged.Unmerge();
        Assert.Equal(answer, TinyBackbone.Logits(model));
        return true;
    }

    /// <summary>In bf16 the answer is near that in f32. Batch statistics are left out: they would magnify the rounding.</summary>
    private static void Round(Tuning tuning, string backbone)
    {
        float[][] answers = [.. new[] { DataType.Float32, DataType.BFloat16 }.Select(compute =>
        {
            using Backbone model = TinyModels.Create(backbone, compute);
            (tuning with { Head = HeadKind.Plain }).Attach(model, TinyModels.Classes, new Rng(3));
            return TinyBackbone.Logits(model);
        })];
        ParityCase.AssertClose("bf16", answers[0], answers[1], 5e-2);
    }

    private static string[][] Table()
    {
        string[] lines = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "docs", "methods.md"));
        int start = Array.FindIndex(lines, line => line.StartsWith("| method | ViT |", StringComparison.Ordinal));
        return [.. lines[start..].TakeWhile(line => line.StartsWith('|')).Where(line => !line.StartsWith("|-", StringComparison.Ordinal)).Select(line => line.Trim('|', ' ').Split('|', StringSplitOptions.TrimEntries))];
    }
}
