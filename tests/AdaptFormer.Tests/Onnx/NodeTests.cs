using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using AdaptFormer.Data.Images;
using AdaptFormer.Export;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Export;
using AdaptFormer.Tests.Files;
using AdaptFormer.Tests.Parity;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Onnx;

/// <summary>Exported files where no .NET is: in onnxruntime-node, and by the programs that <c>export</c> prints. Node's packages are those of
/// <c>tools/clients</c>, where they are installed.</summary>
public sealed class NodeTests : IDisposable
{
    private const double Close = 1e-4;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_golden_model_answers_as_the_original_in_Node()
    {
        RequireNode();
        List<string> cases = [];
        List<float[]> expected = [];
        foreach (string name in OnnxExporterTests.Golden.Select(row => row.Data))
        {
            ParityCase golden = ParityCase.Open(name);
            if (!golden.Names.Contains("out/logits")) continue;
            using Backbone model = name.Contains("swin") ? SwinCase.Build(golden) : VitCase.Build(golden);
            model.Freeze();
            string path = _folder.PathOf($"{cases.Count}.onnx");
            using Predictor predictor = OnnxTrial.Predictor(model);
            OnnxExporter.Save(path, predictor, new OnnxOptions(Pixels: false));
            cases.Add(Case(path, OnnxNames.Pixels, "float32", golden.Shape("input/x"), MemoryMarshal.AsBytes<float>(golden.Floats("input/x"))));
            expected.Add(golden.Floats("out/logits"));
        }

        Assert.True(cases.Count > 20);
        string[] answers = Run("node", ["onnx.mjs"], Clients, string.Join('\n', cases));
        Assert.Equal(cases.Count, answers.Length);
        foreach ((float[] theirs, string answer) in expected.Zip(answers))
        {
            double[] ours = [.. JsonDocument.Parse(answer).RootElement.GetProperty(OnnxNames.Logits).EnumerateArray().Select(one => one.GetDouble())];
            Assert.Equal(theirs.Length, ours.Length);
            Assert.All(theirs.Zip(ours), pair => Assert.InRange(pair.Second - pair.First, -Close, Close));
        }
    }

    [Theory]
    [InlineData(false, 3, WeightStorage.Float32)]
    [InlineData(true, 40, WeightStorage.Int8)]
    public void The_printed_program_prints_the_digits_of_predict(bool multiLabel, int classes, WeightStorage weights)
    {
        RequireNode();
        using Backbone model = TinyModels.Create("ViT");
        model.ReplaceHead(new Head(HeadKind.Plain, model.NumFeatures, classes, new Rng(1)));
        TinyBackbone.Randomize(model, 3, _ => true);
        string[] labels = [.. Enumerable.Range(0, classes).Select(k => $"class {k} ä'\"")];
        using Predictor ours = new(model, labels, Preprocessing.ImageNet(16) with { EvalResize = 18 }, multiLabel);
        OnnxReport report = OnnxExporter.Save(_folder.PathOf("it's.onnx"), ours, new OnnxOptions(Weights: weights, External: true));
        using ImageBuffer picture = OnnxTrial.Picture(31, 23, 5);
        PngWriter.Save(_folder.PathOf("picture.jpg"), picture);
        File.WriteAllText(_folder.PathOf("program.js"), ReadyCode.JavaScript(report));
        string[] lines = Run("node", ["program.js"], _folder.PathOf(""), "");
        IReadOnlyList<ClassScore> best = ours.Predict(_folder.PathOf("picture.jpg"), topK: 3, threshold: 0);
        if (weights == WeightStorage.Float32)
            Assert.Equal(best.Select(score => string.Create(CultureInfo.InvariantCulture, $"{score.Label} {score.Probability:0.000}")), lines);
        else Assert.Contains(lines[0][..^6], labels);
    }

    [Theory]
    [InlineData("ViT", true)]
    [InlineData("ViT", false)]
    [InlineData("Video ViT", true)]
    [InlineData("Video ViT", false)]
    public void Programs_in_JavaScript_and_Python_are_well_formed_for_every_kind_of_input(string backbone, bool pixels)
    {
        using Backbone model = TinyModels.Create(backbone);
        model.ReplaceHead(new Head(HeadKind.Plain, model.NumFeatures, 3, new Rng(1)));
        using Predictor predictor = OnnxTrial.Predictor(model);
        OnnxReport report = OnnxExporter.Save(_folder.PathOf("task.onnx"), predictor, new OnnxOptions(Pixels: pixels));
        File.WriteAllText(_folder.PathOf("program.js"), ReadyCode.JavaScript(report));
        File.WriteAllText(_folder.PathOf("program.py"), ReadyCode.Python(report));
        bool node = Found("node"), python = Found("python3");
        if (node) Run("node", ["--check", "program.js"], _folder.PathOf(""), "");
        if (python) Run("python3", ["-m", "py_compile", "program.py"], _folder.PathOf(""), "");
        Assert.SkipUnless(node && python, "Node or Python is not installed.");
    }

    private static string Clients => Path.Combine(Repository.Folder, "tools", "clients");

    private static void RequireNode()
    {
        Assert.SkipUnless(Found("node"), "Node is not installed.");
        Assert.SkipUnless(Directory.Exists(Path.Combine(Clients, "node_modules", "onnxruntime-node")), "Run npm ci in tools/clients.");
        OnnxTrial.RequireRuntime();
    }

    private static string Case(string file, string input, string type, IReadOnlyList<int> shape, ReadOnlySpan<byte> data) =>
        JsonSerializer.Serialize(new { file, input, type, shape, data = Convert.ToBase64String(data) });

    private static bool Found(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? $"{program}.exe" : program)));

    private static string[] Run(string program, string[] arguments, string folder, string input)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["NODE_PATH"] = Path.Combine(Clients, "node_modules");
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task writing = Task.Run(() =>
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        });
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        writing.Wait();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
