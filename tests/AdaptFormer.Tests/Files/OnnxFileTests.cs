using System.Text;
using AdaptFormer.Export;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Files;
using AdaptFormer.Tests.Export;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Files;

/// <summary>Weights come out of ONNX files under the names and in the shapes of checkpoints.</summary>
public sealed class OnnxFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Matrices_have_the_shape_of_a_checkpoint_whichever_way_they_lie()
    {
        using WeightsFile file = Open(OnnxSamples.Named());
        Assert.Equal("ONNX", file.Kind);
        Assert.Equal("[\"a\"]", file.Metadata["labels"]);
        Assert.Equal(new Shape(3, 2), file.Entries["blocks.0.mlp.fc1.weight"].Shape);
        Assert.Equal([0, 3, 1, 4, 2, 5], Read(file, "blocks.0.mlp.fc1.weight"));
        Assert.Equal(OnnxSamples.Numbers(12), Read(file, "head.weight"));
        Assert.Equal([1, 2, 3, 4], Read(file, "half.bias"));
    }

    [Fact]
    public void A_matrix_without_a_name_is_called_as_its_bias_is()
    {
        using WeightsFile file = Open(OnnxSamples.Anonymous());
        Assert.Equal(["vit.encoder.weight", "vit.encoder.bias"], file.Entries.Keys);
        Assert.Equal([0, 3, 1, 4, 2, 5], Read(file, "vit.encoder.weight"));
    }

    [Theory]
    [InlineData("ViT", false)]
    [InlineData("DINOv2", true)]
    [InlineData("CLIP", false)]
    [InlineData("Swin", false)]
    [InlineData("Video Swin", true)]
    public void An_exported_model_is_recovered_and_answers_as_before(string backbone, bool external)
    {
        using Backbone model = TinyModels.Create(backbone);
        model.ReplaceHead(new Head(HeadKind.Plain, model.NumFeatures, 3, new Rng(1)));
        using Predictor predictor = OnnxTrial.Predictor(model);
        string exported = _folder.PathOf("model.onnx"), recovered = _folder.PathOf("model.safetensors");
        OnnxExporter.Save(exported, predictor, new OnnxOptions(External: external));
        ConversionReport report = CheckpointConverter.Convert(exported, recovered, NameMaps.Timm);
        Assert.Empty(report.LeftOut);
        using Backbone again = BackboneLoader.Open(recovered, new BackboneOptions(Config: model.Config));
        Assert.Equal(predictor.Labels, again.Source!.Labels);
        Assert.All(TinyBackbone.Logits(model).Zip(TinyBackbone.Logits(again)), pair => Assert.InRange(pair.Second - pair.First, -1e-5, 1e-5));
    }

    [Fact]
    public void What_cannot_be_read_is_refused_with_the_reason()
    {
        Refused(OnnxSamples.Named()[..200], "damaged");
        Refused([0x08, 0x08, 0x12, 0x01, (byte)'x'], "no graph");

        OnnxGraph rounded = OnnxSamples.Graph();
        rounded.Node("MatMulInteger", ["x", rounded.Constant("w", OnnxElement.Int8, [1, 2], 2, 1)]);
        Refused(OnnxSamples.Bytes(rounded, []), "rounded to whole numbers");

        OnnxGraph elsewhere = OnnxSamples.Graph();
        elsewhere.Constants.Add(new OnnxConstant("blocks.0.w", OnnxElement.Float32, [2], null) { External = (0, 8) });
        Refused(OnnxSamples.Bytes(elsewhere, []), "not beside it");
        File.WriteAllBytes(_folder.PathOf("sample.data"), new byte[4]);
        Refused(OnnxSamples.Bytes(elsewhere, []), "the file has 4");
        byte[] outside = OnnxSamples.Bytes(elsewhere, []);
        outside.AsSpan().Replace((byte)'s', (byte)'/');
        Refused(outside, "same folder");

        OnnxGraph cut = OnnxSamples.Graph();
        cut.Constants.Add(new OnnxConstant("blocks.0.w", OnnxElement.Float32, [3], [1, 2, 3, 4]));
        Refused(OnnxSamples.Bytes(cut, []), "needs 12 bytes");
    }

    private void Refused(byte[] bytes, string reason)
    {
        string message = Assert.Throws<InvalidDataException>(() => Open(bytes).Dispose()).Message;
        Assert.Contains(reason, message);
        Assert.Contains("sample.onnx", message);
    }

    private WeightsFile Open(byte[] bytes)
    {
        File.WriteAllBytes(_folder.PathOf("sample.onnx"), bytes);
        return WeightsFile.Open(_folder.PathOf("sample.onnx"));
    }

    private static float[] Read(WeightsFile file, string name)
    {
        float[] values = new float[file.Get(name).ElementCount];
        file.ReadFloat32(file.Get(name), values);
        return values;
    }
}
