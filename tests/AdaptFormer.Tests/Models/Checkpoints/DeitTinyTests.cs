using AdaptFormer.Data.Images;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Models.Checkpoints;

/// <summary>Real weights and real photos: DeiT-Tiny as Facebook published it.</summary>
public sealed class DeitTinyTests
{
    private const string Id = "deit_tiny_patch16_224";
    private const double Tolerance = 1e-4;

    public static TheoryData<string, string> FilesAndBackends
    {
        get
        {
            TheoryData<string, string> cases = [];
            foreach (string backend in (string[])[CpuBackends.Managed, CpuBackends.OneDnnName]) cases.Add("safetensors", backend);
            cases.Add("pth", CpuBackends.OneDnnName);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(FilesAndBackends))]
    public void Real_weights_give_the_reference_activations(string kind, string backend)
    {
        string weights = SharedData.Require($"deit_tiny/{Id}.{kind}");
        using IDisposable _ = CpuBackends.Use(backend);
        using WeightsFile golden = WeightsFile.Open(SharedData.Require("deit_tiny/reference_activations.safetensors"));
        using Backbone model = BackboneLoader.Open(weights, new(Id: Id));
        using TensorScope scope = new();
        float[] normalized = Normalize(golden, model.Source!.Preprocessing);
        float[] first = Read(golden, "input_normalized_first");
        ParityCase.AssertClose("input_normalized_first", first, normalized[..first.Length], 1e-6);

        List<string> seen = [];
        model.Forward(Tensor.From(first, new Shape(1, 3, 224, 224)), (name, value) =>
        {
            string? theirs = name == "patch_embed" ? "first.patch_embed" : name.StartsWith("block_", StringComparison.Ordinal) ? $"first.block{name[6..]}.output" : null;
            if (theirs is null) return;
            seen.Add(theirs);
            ParityCase.AssertClose(theirs, Read(golden, theirs), value.ToArray(), Tolerance);
        });
        Assert.Equal(13, seen.Count);
        int images = backend == CpuBackends.Managed ? 1 : 8;       // an unoptimised build's managed kernels are slow
        Tensor logits = model.Forward(Tensor.From(normalized.AsSpan(0, images * first.Length), new Shape(images, 3, 224, 224)));
        ParityCase.AssertClose("logits", Read(golden, "logits")[..(images * 1000)], logits.ToArray(), Tolerance);
    }

    [Fact]
    public void Real_photos_get_the_published_answers()
    {
        string folder = SharedData.Require("imagenet_samples");
        using Backbone model = BackboneLoader.Open(SharedData.Require($"deit_tiny/{Id}.safetensors"), new(Id: Id));
        Preprocessing expected = model.Source!.Preprocessing;
        ImageTransform transform = ImageTransform.ForEvaluation(new TransformOptions(expected.ImgSize, EvalResize: expected.EvalResize, Statistics: expected.Pixels));
        using ImageTransform.Scratch scratch = new();
        float[] chw = new float[transform.SampleLength];
        Evaluator evaluator = new();
        foreach (string line in File.ReadLines(Path.Combine(folder, "labels.csv")).Skip(1))
        {
            string[] cells = line.Split(',');
            using TensorScope scope = new();
            ImageDecoder.Decode(Path.Combine(folder, cells[0]), scratch.Decoded);
            transform.Apply(scratch.Decoded, new Rng(0), chw, scratch);
            evaluator.Add(model.Forward(Tensor.From(chw, new Shape(1, 3, expected.ImgSize, expected.ImgSize))), [int.Parse(cells[2])]);
        }

        Assert.Equal((60, 80.0, 100.0 * 58 / 60), (evaluator.Scores.Images, evaluator.Scores.Top1, evaluator.Scores.Top5));
    }

    private static float[] Normalize(WeightsFile golden, Preprocessing preprocessing)
    {
        WeightsEntry entry = golden.Get("input_u8_nhwc");
        byte[] bytes = new byte[entry.ByteLength];
        golden.ReadBytes(entry, bytes);
        const int Plane = 224 * 224;
        float[] chw = new float[bytes.Length], mean = preprocessing.Mean.ToArray(), std = preprocessing.Std.ToArray();
        for (int i = 0; i < bytes.Length; i++)
        {
            (int image, int pixel, int channel) = (i / (3 * Plane), i / 3 % Plane, i % 3);
            chw[(((image * 3) + channel) * Plane) + pixel] = ((bytes[i] / 255f) - mean[channel]) / std[channel];
        }

        return chw;
    }

    private static float[] Read(WeightsFile file, string name)
    {
        float[] values = new float[file.Get(name).ElementCount];
        file.ReadFloat32(file.Get(name), values);
        return values;
    }
}
