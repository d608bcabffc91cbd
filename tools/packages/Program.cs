// What a user of the libraries writes: packages are looked into, then a small backbone is tuned on drawn pictures, saved, opened again and asked.
using System.IO.Compression;
using System.Xml.Linq;
using AdaptFormer.Data.Images;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Vit;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;

string packages = args[0], output = args[1];
List<string> faults = [.. Directory.EnumerateFiles(packages, "*.nupkg").SelectMany(Faults)];
foreach (string fault in faults) Console.Error.WriteLine(fault);
if (faults.Count > 0) return 1;

Recipe recipe = Recipe.Parse("""
    {
      "model": { "name": "tiny", "weights": null, "normalize": "inception",
        "config": { "img_height": 16, "img_width": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 2 } },
      "tuning": { "method": "adaptformer", "bottleneck": 4 },
      "data": { "kind": "synthetic-downstream", "train": "64:1:16", "test": "20:2:16" },
      "epochs": 1, "batch": 16
    }
    """);
TrainingSummary summary = TrainingRun.Execute(recipe, output, ExistingRun.Refuse, record => { });
AdapterInfo adapter = AdapterFile.Open(summary.Adapter!);
using Predictor predictor = Predictor.OpenRun(output);
using VisionTransformer model = new("tiny", new VitConfig(16, 16, 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2));
using ImageBuffer picture = new(20, 16);
for (int i = 0; i < picture.Pixels.Length; i++) picture.Pixels[i] = (byte)(i * 7);
PngWriter.Save(Path.Combine(output, "picture.png"), picture);
IReadOnlyList<ClassScore> best = predictor.Predict(Path.Combine(output, "picture.png"), topK: 3);
Console.WriteLine($"{adapter.Labels.Count} classes, {summary.TestImages} test pictures, best guess {best[0].Label}, {StateDict.Of(model).Weights.Count} weights in the backbone");
return best.Count == 3 ? 0 : 1;

// Everything that a package must have; one line for each thing that is missing.
static IEnumerable<string> Faults(string path)
{
    using ZipArchive package = ZipFile.OpenRead(path);
    string[] names = [.. package.Entries.Select(entry => entry.FullName)];
    XElement metadata;
    using (Stream stream = package.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open())
        metadata = XDocument.Load(stream).Root!.Elements().First();
    string Value(string key) => metadata.Elements().FirstOrDefault(element => element.Name.LocalName == key)?.Value ?? "";

    string id = Value("id"), name = Path.GetFileName(path);
    bool isTool = metadata.Descendants().Any(element => (string?)element.Attribute("name") == "DotnetTool");
    foreach (string key in (string[])["description", "license", "readme", "icon", "tags", "authors"])
        if (Value(key).Length == 0) yield return $"{name}: the nuspec has no {key}";
    if (Value("description") == "Package Description") yield return $"{name}: the description is NuGet's own";
    // A clone of a clone names a folder of this machine as its origin, which must not be published.
    if (metadata.Elements().FirstOrDefault(element => element.Name.LocalName == "repository")?.Attribute("url")?.Value is { Length: > 0 } url
        && !url.StartsWith("https://", StringComparison.Ordinal)) yield return $"{name}: the repository's address is '{url}'";
    foreach (string file in (string[])["PACKAGE.md", "icon.png"])
        if (!names.Contains(file)) yield return $"{name}: {file} is not in it";
    if (isTool)
    {
        foreach (string part in (string[])["recipes/image-folder.json", "recipes/sweeps/scale.json", "demo_backbone.safetensors", "DotnetToolSettings.xml"])
            if (!names.Any(entry => entry.EndsWith(part, StringComparison.Ordinal))) yield return $"{name}: {part} is not in it";
        yield break;
    }

    foreach (string file in (string[])[$"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"])
        if (!names.Contains(file)) yield return $"{name}: {file} is not in it";
    string symbols = Path.ChangeExtension(path, ".snupkg");
    if (!File.Exists(symbols)) yield return $"{name}: there are no symbols beside it";
    else
    {
        using ZipArchive archive = ZipFile.OpenRead(symbols);
        if (!archive.Entries.Any(entry => entry.FullName == $"lib/net10.0/{id}.pdb")) yield return $"{Path.GetFileName(symbols)}: {id}.pdb is not in it";
    }
}
