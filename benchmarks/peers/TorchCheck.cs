using System.Text.Json.Nodes;
using AdaptFormer.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace AdaptFormer.Peers;

/// <summary>Holds the LibTorch model against the fixtures that the authors' code wrote: logits, loss and every gradient, in each setting
/// that is timed.</summary>
internal static class TorchCheck
{
    // bf16 keeps 8 bits: predictions are within a few of its steps. Training ends in a BatchNorm over four or five pictures that are nearly
    // alike, which divides its rounding by next to nothing: there f32 alone is held.
    private const double InFloats = 1e-4, InBFloat16 = 0.03, NearZero = 0.05;
    private static readonly (string File, string Method)[] Cases =
        [("vit_image_adapter_parallel", "adaptformer"), ("vit_image_linear", "linear"), ("vit_image_fulltune", "full")];

    /// <summary>Prints the largest difference of each case and setting; false if one is too large.</summary>
    /// <param name="folder">tests/AdaptFormer.Tests/Fixtures/parity.</param>
    public static bool Run(string folder)
    {
        bool passed = true;
        foreach ((string file, string method) in Cases)
        {
            foreach (TorchSetting setting in TorchSetting.All)
            {
                double most = setting.Compute == ScalarType.Float32 ? InFloats : InBFloat16;
                (string where, double difference, int count) = Worst(Path.Combine(folder, file + ".safetensors"), method, setting);
                bool good = difference <= most;
                passed &= good;
                Console.Error.WriteLine($"{file}, {setting.Name}: {count} tensors, largest relative difference {difference:0.0e+0} ({where})"
                    + $"{(good ? "" : $": ABOVE {most:0.0e+0}")}");
            }
        }

        return passed;
    }

    private static (string Where, double Difference, int Count) Worst(string path, string method, TorchSetting setting)
    {
        using DisposeScope scope = NewDisposeScope();
        using WeightsFile file = WeightsFile.Open(path);
        JsonNode config = JsonNode.Parse(file.Metadata["config"])!;
        (JsonNode m, JsonNode t) = (config["model"]!, config["tuning_config"]!);
        int dim = (int)m["embed_dim"]!;
        VitSize size = new((int)m["img_size"]![0]!, (int)m["patch_size"]!, dim, (int)m["depth"]!, (int)m["num_heads"]!,
            (int)(dim * (double)m["mlp_ratio"]!), (int)m["num_classes"]!);
        double scale = double.Parse((string)t["ffn_adapter_scalar"]!, System.Globalization.CultureInfo.InvariantCulture);
        using TorchVit model = new(size, method, setting, (int)t["ffn_num"]!, scale, dropout: 0);
        foreach ((string name, Tensor value) in Group(file, "param/"))
            if (!name.EndsWith("num_batches_tracked", StringComparison.Ordinal)) model.Set(name, value);

        List<(string Name, double Difference)> found = [];
        Tensor x = Floats(file, "input/x"), target = Labels(file, "input/target");
        using (no_grad())
        {
            Tensor logits = model.Forward(x, training: false);
            Compare("logits", logits, Floats(file, "out/logits"));
            Compare("loss_eval", nn.functional.cross_entropy(logits, target), Floats(file, "out/loss_eval"));
        }

        if (setting.Compute != ScalarType.Float32)
        {
            (string place, double most) = found.MaxBy(entry => entry.Difference);
            return (place, most, found.Count);
        }

        Tensor trained = model.Forward(x, training: true), loss = nn.functional.cross_entropy(trained, target);
        loss.backward();
        Compare("logits_train", trained, Floats(file, "out/logits_train"));
        Compare("loss", loss, Floats(file, "out/loss"));
        Dictionary<string, Tensor> wanted = Group(file, "grad/");
        if (!wanted.Keys.ToHashSet().SetEquals(model.Trained.Select(entry => entry.Name)))
            throw new InvalidDataException($"{path}: it has gradients of other parameters than those that train.");
        foreach ((string name, Tensor value) in model.Trained) Compare("grad " + name, value.grad!, wanted[name]);
        (string where, double worst) = found.MaxBy(entry => entry.Difference);
        return (where, worst, found.Count);

        void Compare(string name, Tensor got, Tensor want)
        {
            // The fixtures' own measure.
            double difference = (got.detach().reshape(want.shape) - want).abs().max().ToDouble() / (want.abs().max().ToDouble() + NearZero);
            found.Add((name, difference));
        }
    }

    /// <summary>The authors' names (queries, keys and values apart, fc1 outside of mlp) as timm's.</summary>
    private static Dictionary<string, Tensor> Group(WeightsFile file, string prefix)
    {
        Dictionary<string, Tensor> renamed = new(StringComparer.Ordinal);
        foreach (string entry in file.Entries.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            string name = entry[prefix.Length..];
            if (name.Contains(".k_proj.", StringComparison.Ordinal) || name.Contains(".v_proj.", StringComparison.Ordinal)) continue;
            if (name.Contains(".q_proj.", StringComparison.Ordinal))
                renamed[name.Replace(".q_proj.", ".qkv.", StringComparison.Ordinal)] = cat(
                    [.. "qkv".Select(part => Floats(file, entry.Replace(".q_proj.", $".{part}_proj.", StringComparison.Ordinal)))], 0);
            else if (file.Entries[entry].Type == FileDataType.Float32)
                renamed[name.Replace(".fc", ".mlp.fc", StringComparison.Ordinal)] = Floats(file, entry);
        }

        return renamed;
    }

    private static Tensor Floats(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        float[] values = new float[entry.Shape.Length];
        file.ReadFloat32(entry, values);
        return tensor(values).reshape([.. Enumerable.Range(0, entry.Shape.Rank).Select(i => (long)entry.Shape[i])]);
    }

    private static Tensor Labels(WeightsFile file, string name)
    {
        WeightsEntry entry = file.Get(name);
        long[] values = new long[entry.Shape.Length];
        file.ReadBytes(entry, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()));
        return tensor(values);
    }
}
