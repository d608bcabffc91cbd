using System.Security.Cryptography;
using AdaptFormer.Export;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Onnx;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Parity;
using AdaptFormer.Tests.Peft;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Export;

/// <summary>Files that ONNX Runtime answers as the model does: every method on every family, every golden model, every option.</summary>
public sealed class OnnxExporterTests : IDisposable
{
    private const double Close = 1e-4;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(MethodsByBackboneTests.Cells), MemberType = typeof(MethodsByBackboneTests))]
    public void Every_method_on_every_family_answers_as_the_model(string method, string backbone)
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = TinyModels.Create(backbone);
        Assert.SkipUnless(MethodsByBackboneTests.TryAttach(method, model), $"{method} does not go with {backbone}");
        TinyBackbone.Randomize(model, 7, _ => true);
        model.Freeze();
        Assert.InRange(OnnxTrial.Difference(model, _folder, new OnnxOptions(Pixels: false), 1, 3), 0, Close);
    }

    public static TheoryData<string> Golden =>
    [
        .. new[] { "vit_image", "vit_video", "variant", "timm_vit", "swin", "video_swin", "paper_eq3", "mae_vit" }
            .SelectMany(prefix => ParityCase.Files(prefix)).Select(row => row.Data),
    ];

    [Theory]
    [MemberData(nameof(Golden))]
    public void Every_golden_model_answers_as_the_original(string name)
    {
        OnnxTrial.RequireRuntime();
        ParityCase golden = ParityCase.Open(name);
        Assert.SkipUnless(golden.Names.Contains("out/logits"), "this file holds no logits");
        using Backbone model = name.Contains("swin") ? SwinCase.Build(golden) : VitCase.Build(golden);
        model.Freeze();
        string path = _folder.PathOf("golden.onnx");
        using Predictor predictor = OnnxTrial.Predictor(model);
        OnnxExporter.Save(path, predictor, new OnnxOptions(Pixels: false));
        using OnnxModel file = OnnxModel.Open(path, OnnxTrial.Alone);
        float[] theirs = golden.Floats("out/logits"), ours = file.Run(golden.Floats("input/x"), [.. golden.Shape("input/x")])[OnnxNames.Logits];
        Assert.All(theirs.Zip(ours), pair => Assert.InRange(pair.Second - pair.First, -Close, Close));
        Assert.InRange(OnnxTrial.Difference(model, file, 1, 32), 0, Close);
    }

    [Theory]
    [InlineData("ViT", 17)]
    [InlineData("ViT", 18)]
    [InlineData("ViT", 19)]
    [InlineData("ViT", 20)]
    [InlineData("ViT", 21)]
    [InlineData("Video Swin", 18)]
    [InlineData("Video Swin", 21)]
    public void Every_version_of_the_operators_answers_the_same(string backbone, int opset)
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Tuned(backbone, new AdaptFormerTuning(4));
        Assert.InRange(OnnxTrial.Difference(model, _folder, new OnnxOptions(Pixels: false, Opset: opset), 2), 0, Close);
    }

    [Theory]
    [InlineData(WeightStorage.Float16, 5e-3)]
    [InlineData(WeightStorage.Int8, 5e-2)]
    public void Smaller_weights_answer_nearly_the_same(WeightStorage weights, double tolerance)
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Tuned("ViT", new AdaptFormerTuning(4));
        double difference = OnnxTrial.Difference(model, _folder, new OnnxOptions(Pixels: false, Weights: weights), 1, 4);
        Assert.InRange(difference, 1e-6, tolerance);
    }

    [Fact]
    public void In_eight_bits_a_picture_is_answered_alike_whatever_its_batch_holds()
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Tuned("ViT", new AdaptFormerTuning(4));
        string path = _folder.PathOf("int8.onnx");
        using Predictor predictor = OnnxTrial.Predictor(model);
        OnnxExporter.Save(path, predictor, new OnnxOptions(Pixels: false, Weights: WeightStorage.Int8));
        using OnnxModel file = OnnxModel.Open(path, OnnxTrial.Alone);
        int length = (int)model.InputShape.Length;
        float[] two = new float[2 * length];
        Rng rng = new(4);
        for (int i = 0; i < two.Length; i++) two[i] = (float)rng.NextNormal() * (i < length ? 1 : 30);
        float[] both = file.Run(two, [2, .. model.InputShape])[OnnxNames.Logits], alone = file.Run(two[..length], [1, .. model.InputShape])[OnnxNames.Logits];
        Assert.Equal(alone, both[..alone.Length]);
    }

    [Fact]
    public void Numbers_in_a_second_file_and_features_are_read_back()
    {
        OnnxTrial.RequireRuntime();
        using Backbone model = Tuned("ViT", new LoraTuning(2));
        using Predictor predictor = OnnxTrial.Predictor(model);
        string path = _folder.PathOf("task.onnx");
        OnnxReport report = OnnxExporter.Save(path, predictor, new OnnxOptions(Pixels: false, External: true, Features: true));
        Assert.True(new FileInfo(report.DataPath!).Length > 0);
        using OnnxModel file = OnnxModel.Open(path, OnnxTrial.Alone);
        Assert.InRange(OnnxTrial.Difference(model, file, 2), 0, Close);
        using TensorScope scope = new();
        float[] pixels = file.Card.SelfTest.Pixels();
        float[] features = model.Features(Tensor.From(pixels, new Shape([1, .. model.InputShape]))).ToArray();
        float[] theirs = file.Run(pixels, file.Card.SelfTest.Shape, [OnnxNames.Features])[OnnxNames.Features];
        Assert.All(features.Zip(theirs), pair => Assert.InRange(pair.Second - pair.First, -Close, Close));
        Assert.Equal(["task.onnx", "task.onnx.data"], Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_batch_norm_and_an_adapters_scale_leave_no_node()
    {
        using Backbone model = Tuned("ViT", new AdaptFormerTuning(4));
        OnnxGraph graph = new(17, data: null);
        graph.Inputs.Add(new OnnxPort("pixels", OnnxElement.Float32, ["batch", 3L, 16L, 16L]));
        Tracer.Trace(model, graph, "pixels", WeightStorage.Float32);
        Assert.DoesNotContain(graph.Constants, constant => constant.Name.Contains("running", StringComparison.Ordinal));
        Assert.Contains(graph.Constants, constant => constant.Name == "blocks.0.adaptmlp.up_proj.weight_scaled");
        Assert.Contains(graph.Constants, constant => constant.Name == "head.weight");
        Assert.Equal(1, graph.Nodes.Count(node => node.Op == "Conv"));
        Assert.DoesNotContain(graph.Nodes, node => node.Op == "Sqrt");
    }

    [Fact]
    public void Many_tasks_share_what_stands_ahead_of_them()
    {
        OnnxTrial.RequireRuntime();
        string backbone = TinyBackbone.Save(_folder);
        string[] adapters = [Adapter(backbone, "flowers", new AdaptFormerTuning(4, Layers: "2"), 3), Adapter(backbone, "birds", new LoraTuning(2), 5), Adapter(backbone, "cars", new BitFitTuning(), 4)];
        using Backbone model = TinyBackbone.Open(backbone);
        string path = _folder.PathOf("three.onnx"), single = _folder.PathOf("one.onnx");
        OnnxReport report = OnnxExporter.SaveTasks(path, model, adapters, new OnnxOptions(Pixels: false));
        Assert.Equal(["flowers", "birds", "cars"], report.Card.Tasks.Select(task => task.Output));
        Assert.True(report.Bytes < 2 * OnnxExporter.SaveTasks(single, model, adapters[..1], new OnnxOptions(Pixels: false)).Bytes);
        using OnnxModel file = OnnxModel.Open(path, OnnxTrial.Alone);
        file.CheckAnswer();
        float[] pixels = file.Card.SelfTest.Pixels();
        IReadOnlyDictionary<string, float[]> answers = file.Run(pixels, file.Card.SelfTest.Shape);
        foreach ((OnnxTaskCard task, string adapter) in file.Card.Tasks.Zip(adapters))
        {
            AdapterInfo info = AdapterFile.Load(adapter, model);
            Assert.Equal(info.Labels, task.Labels);
            using TensorScope scope = new();
            float[] ours = model.Forward(Tensor.From(pixels, new Shape([1, .. model.InputShape]))).ToArray();
            Assert.All(ours.Zip(answers[task.Output]), pair => Assert.InRange(pair.Second - pair.First, -Close, Close));
        }

        string message = Assert.Throws<ArgumentException>(() => OnnxPredictor.Open(path)).Message;
        Assert.Contains("flowers, birds, cars", message);
    }

    [Fact]
    public void A_check_that_fails_leaves_what_was_there()
    {
        using Backbone model = Tuned("ViT", new LinearProbe());
        using Predictor predictor = OnnxTrial.Predictor(model);
        string path = _folder.PathOf("task.onnx");
        File.WriteAllText(path, "before");
        Assert.Throws<InvalidDataException>(() => OnnxExporter.Save(path, predictor, new OnnxOptions(External: true), check: written =>
        {
            Assert.True(File.Exists(written));
            throw new InvalidDataException("no");
        }));
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_disk_that_fails_at_any_call_leaves_the_old_pair_or_the_new_one()
    {
        string path = _folder.PathOf("task.onnx"), other = Path.Combine(Directory.CreateDirectory(_folder.PathOf("other")).FullName, "task.onnx");
        using Backbone model = Tuned("ViT", new LinearProbe());
        using Predictor predictor = OnnxTrial.Predictor(model);
        OnnxOptions options = new(Pixels: false, External: true);
        OnnxExporter.Save(path, predictor, options);
        string old = Pair(path);
        TinyBackbone.Randomize(model, 8, _ => true);
        OnnxExporter.Save(other, predictor, options);
        string changed = Pair(other);
        Assert.NotEqual(old, changed);
        for (int at = 1, failed = 0; ; at++)
        {
            DiskFault fault = DiskFault.Begin(DiskFaultKind.NoSpace, at);
            try
            {
                OnnxExporter.Save(path, predictor, options);
            }
            catch (IOException)
            {
                failed++;
            }
            finally
            {
                DiskFault.End();
            }

            string now = Pair(path);
            if (!fault.Happened)
            {
                Assert.Equal(changed, now);
                Assert.True(failed > 5);
                return;
            }

            if (now == changed) return;     // the new pair had its place, and only tidying up failed
            Assert.Equal(old, now);
        }
    }

    private static string Pair(string path) =>
        Convert.ToHexString(SHA256.HashData([.. File.ReadAllBytes(path), .. File.ReadAllBytes($"{path}.data")]));

    [Fact]
    public void A_second_export_of_the_same_file_is_refused_and_takes_nothing_from_the_first()
    {
        using Backbone model = Tuned("ViT", new LinearProbe());
        using Predictor predictor = OnnxTrial.Predictor(model);
        string path = _folder.PathOf("task.onnx");
        OnnxExporter.Save(path, predictor, new OnnxOptions(External: true), check: _ =>
        {
            IOException error = Assert.Throws<IOException>(() => OnnxExporter.Save(path, predictor));
            Assert.Equal($"{path} is being written by another export; wait until it is done, or give another name.", error.Message);
        });
        Assert.Equal([path, $"{path}.data"], Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Order(StringComparer.Ordinal));
        File.Delete(path);
        Directory.CreateDirectory(_folder.PathOf(".task.onnx.exporting"));
        File.WriteAllText(Path.Combine(_folder.PathOf(".task.onnx.exporting"), "task.onnx"), "left by one that was killed");
        OnnxExporter.Save(path, predictor);
        Assert.Equal([path, $"{path}.data"], Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        using Backbone model = Tuned("ViT", new LinearProbe());
        using Predictor predictor = OnnxTrial.Predictor(model);
        Assert.Contains("17 to 21", Assert.Throws<ArgumentException>(() => OnnxExporter.Save(_folder.PathOf("a.onnx"), predictor, new OnnxOptions(Opset: 16))).Message);
        Assert.Throws<DirectoryNotFoundException>(() => OnnxExporter.Save(_folder.PathOf(Path.Combine("no", "a.onnx")), predictor));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.PathOf("")));
    }

    private static Backbone Tuned(string backbone, Tuning tuning)
    {
        Backbone model = TinyModels.Create(backbone);
        tuning.Attach(model, TinyModels.Classes, new Rng(1));
        TinyBackbone.Randomize(model, 7, _ => true);
        model.Freeze();
        return model;
    }

    private string Adapter(string backbone, string name, Tuning tuning, int classes)
    {
        using Backbone model = TinyBackbone.Open(backbone);
        tuning.Attach(model, classes, new Rng(classes));
        TinyBackbone.Randomize(model, classes, tuned => model.Parameters().Any(entry => entry.Key == tuned && entry.Value.Trainable));
        AdapterFile.Save(_folder.PathOf($"{name}.safetensors"), model, tuning, [.. Enumerable.Range(0, classes).Select(k => $"{name} {k}")]);
        return _folder.PathOf($"{name}.safetensors");
    }
}
