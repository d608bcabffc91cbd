using System.Text;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Export;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Onnx;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Export;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Onnx;

/// <summary>The predictor of exported files gives the answers of the predictor of models.</summary>
public sealed class OnnxPredictorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Answers_are_those_of_the_model(bool pixels, bool multiLabel)
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Model();
        using Predictor ours = new(model, ["a", "b", "c"], Preprocessing.ImageNet(16), multiLabel);
        string path = _folder.PathOf("task.onnx"), picture = _folder.PathOf("picture.png"), broken = _folder.PathOf("broken.png");
        using (ImageBuffer image = OnnxTrial.Picture(37, 23, 1)) PngWriter.Save(picture, image);
        File.WriteAllText(broken, "no picture");
        OnnxExporter.Save(path, ours, new OnnxOptions(pixels));
        using OnnxPredictor theirs = OnnxPredictor.Open(path, configure: OnnxTrial.Alone);
        Assert.Equal(ours.Labels, theirs.Labels);
        Assert.Equal(multiLabel, theirs.MultiLabel);
        Same(ours.Predict(picture, threshold: 0), theirs.Predict(picture, threshold: 0));

        Prediction[] all = [.. theirs.Predict(UnlabelledDataset.Of([broken, picture]), topK: 2, threshold: 0)];
        Assert.Contains("broken.png", all[0].Error);
        Same(ours.Predict(picture, 2, threshold: 0), all[1].Classes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Clips_are_answered_as_by_the_model(bool pixels)
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = TinyModels.Create("Video ViT");
        model.ReplaceHead(new Head(HeadKind.Plain, model.NumFeatures, 3, new Rng(1)));
        TinyBackbone.Randomize(model, 3, _ => true);
        Preprocessing pictures = Preprocessing.ImageNet(16) with { Clips = new ClipViews(Segments: 2, Crops: pixels ? 1 : 3), EvalResize = 18 };
        using Predictor ours = new(model, ["a", "b", "c"], pictures);
        string path = _folder.PathOf("clips.onnx");
        OnnxExporter.Save(path, ours, new OnnxOptions(pixels));
        using OnnxPredictor theirs = OnnxPredictor.Open(path, configure: OnnxTrial.Alone);
        UnlabelledDataset clips = UnlabelledDataset.Of([Path.Combine(AppContext.BaseDirectory, "Fixtures", "runs", "frames", "test")], clips: true);
        Assert.True(clips.Count > 1);
        foreach ((Prediction own, Prediction other) in ours.Predict(clips).Zip(theirs.Predict(clips))) Same(own.Classes, other.Classes);
        Assert.Throws<ArgumentException>(() => theirs.Predict(UnlabelledDataset.Of([path])));
    }

    [Fact]
    public void A_picture_that_lies_on_its_side_is_turned_by_the_recorded_rule()
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Model();
        string picture = Path.Combine(AppContext.BaseDirectory, "Fixtures", "inputs", "orientation");
        foreach (bool upright in new[] { true, false })
        {
            using Predictor ours = new(model, ["a", "b", "c"], Preprocessing.ImageNet(16) with { Upright = upright });
            string path = _folder.PathOf($"{upright}.onnx");
            OnnxExporter.Save(path, ours);
            using OnnxPredictor theirs = OnnxPredictor.Open(path, configure: OnnxTrial.Alone);
            string[] files = [.. Directory.GetFiles(picture, "*.jpg", SearchOption.AllDirectories).Take(4)];
            Assert.NotEmpty(files);
            foreach (string file in files) Same(ours.Predict(file), theirs.Predict(file));
        }
    }

    [Fact]
    public void Foreign_and_damaged_files_are_refused_with_the_reason()
    {
        OnnxTrial.RequireRuntime();
        string foreign = _folder.PathOf("foreign.onnx"), damaged = _folder.PathOf("damaged.onnx"), text = _folder.PathOf("text.onnx");
        File.WriteAllBytes(foreign, OnnxSamples.Anonymous());
        File.WriteAllBytes(damaged, OnnxSamples.Named()[..150]);
        File.WriteAllText(text, "no graph");
        Assert.Contains("another program", Assert.Throws<InvalidDataException>(() => OnnxPredictor.Open(foreign)).Message);
        Assert.Contains("damaged.onnx", Assert.Throws<InvalidDataException>(() => OnnxPredictor.Open(damaged)).Message);
        Assert.Contains("text.onnx", Assert.Throws<InvalidDataException>(() => OnnxPredictor.Open(text)).Message);
        Assert.Throws<FileNotFoundException>(() => OnnxPredictor.Open(_folder.PathOf("none.onnx")));
    }

    [Theory]
    [InlineData("\"img_size\":16", "\"img_size\":-5", "out of range")]
    [InlineData("\"img_size\":16", "\"img_size\":1e99", "cannot be read")]
    [InlineData("\"shape\":[1,45,60,3]", "\"shape\":[1,0,60,3]", "[1, 0, 60, 3]")]
    [InlineData("\"shape\":[1,45,60,3]", "\"shape\":[1,65536,65536,3]", "[1, 65536, 65536, 3]")]
    [InlineData("\"shape\":[1,45,60,3]", "\"shape\":[1,45,61,3]", "8100 bytes")]
    [InlineData("\"shape\":[1,45,60,3]", "\"shape\":null", "input is []")]
    [InlineData("\"labels\":[\"a\",\"b\",\"c\"]", "\"labels\":[\"a\",\"b\"]", "2 classes of 'logits'")]
    [InlineData("\"input\":\"image\"", "\"input\":\"pixels\"", "8100 bytes")]
    [InlineData("\"input\":\"image\"", "\"input\":\"speech\"", "input is 'speech'")]
    [InlineData("\"output\":\"logits\"", "\"output\":\"other\"", "does not answer")]
    [InlineData("\"tolerance\":", "\"tolerance\":-", "tolerance is -")]
    [InlineData("\"format_version\":1", "\"format_version\":9", "of version 9")]
    [InlineData("\"tasks\":[", "\"tasks\":[null,", "not complete")]
    public void A_file_that_says_nonsense_about_itself_is_refused_by_name(string from, string to, string reason)
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Model();
        using Predictor ours = new(model, ["a", "b", "c"], Preprocessing.ImageNet(16));
        OnnxReport report = OnnxExporter.Save(_folder.PathOf("task.onnx"), ours);
        string path = _folder.PathOf("hostile.onnx"), card = report.Card.ToJson();
        Assert.Contains(from, card);
        OnnxGraph graph = OnnxSamples.Graph();
        File.WriteAllBytes(path, OnnxSamples.Bytes(graph, new() { [OnnxNames.Card] = card.Replace(from, to) }));
        string message = Assert.Throws<InvalidDataException>(() => OnnxPredictor.Open(path, configure: OnnxTrial.Alone)).Message;
        Assert.Contains(reason, message);
        Assert.Contains("hostile.onnx", message);
    }

    [Fact]
    public void A_file_whose_numbers_lie_elsewhere_or_whose_graph_is_another_is_refused()
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Model();
        using Predictor ours = new(model, ["a", "b", "c"], Preprocessing.ImageNet(16));
        string path = _folder.PathOf("task.onnx");
        OnnxReport report = OnnxExporter.Save(path, ours, new OnnxOptions(External: true));
        byte[] good = File.ReadAllBytes(path);

        string Refused() => Assert.Throws<InvalidDataException>(() => OnnxPredictor.Open(path, configure: OnnxTrial.Alone)).Message;
        File.Move(report.DataPath!, _folder.PathOf("secret"));
        Assert.Contains("task.onnx", Refused());
        File.WriteAllBytes(path, OnnxSamples.Bytes(OnnxSamples.Graph(), new() { [OnnxNames.Card] = report.Card.ToJson() }));
        Assert.Contains("task.onnx", Refused());
        byte[] outside = [.. good];
        Replace(outside, "task.onnx.data", "../task.onnxd/");
        File.WriteAllBytes(path, outside);
        Assert.Contains("task.onnx", Refused());
    }

    [Fact]
    public void A_file_that_answers_its_self_test_wrongly_is_refused()
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Model();
        using Predictor ours = new(model, ["a", "b", "c"], Preprocessing.ImageNet(16));
        string path = _folder.PathOf("task.onnx");
        OnnxReport report = OnnxExporter.Save(path, ours, new OnnxOptions(External: true));
        byte[] numbers = File.ReadAllBytes(report.DataPath!);
        numbers.AsSpan(0, 4096).Clear();
        File.WriteAllBytes(report.DataPath!, numbers);
        Assert.Contains("self-test", Assert.Throws<InvalidDataException>(() => OnnxPredictor.Open(path, configure: OnnxTrial.Alone)).Message);
    }

    private static void Replace(byte[] bytes, string from, string to)
    {
        Assert.Equal(from.Length, to.Length);
        (byte[] old, byte[] now) = (Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to));
        for (int at = bytes.AsSpan().IndexOf(old); at >= 0; at = bytes.AsSpan().IndexOf(old)) now.CopyTo(bytes, at);
    }

    private static void Same(IReadOnlyList<ClassScore> ours, IReadOnlyList<ClassScore> theirs)
    {
        Assert.Equal(ours.Select(score => score.Label), theirs.Select(score => score.Label));
        Assert.All(ours.Zip(theirs), pair => Assert.InRange(pair.Second.Probability - pair.First.Probability, -1e-5, 1e-5));
    }

    private static Backbone Model()
    {
        Backbone model = TinyModels.Create("ViT");
        model.ReplaceHead(new Head(HeadKind.Plain, model.NumFeatures, 3, new Rng(1)));
        TinyBackbone.Randomize(model, 3, _ => true);
        return model;
    }
}
