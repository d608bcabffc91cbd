using System.Text.Json;
using AdaptFormer.Data.Images;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Models.Layers;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Data;
using AdaptFormer.Tests.Support;

namespace AdaptFormer.Tests.Cli;

/// <summary>Everything that a small fine-tuning needs: a backbone of two blocks, class folders of dark and bright pictures, and a recipe that names both.</summary>
public sealed class TinyTask : IDisposable
{
    public static readonly string[] Labels = ["bright", "dark", "striped"];
    private static readonly VitConfig Sizes = new(16, 16, 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2);
    private readonly TempFolder _folder = new();

    /// <summary>The backbone's sizes as JSON.</summary>
    public static string Config => Sizes.ToJson();

    public TinyTask()
    {
        Backbone = SaveBackbone("backbone.safetensors", seed: 1);
        WritePictures("train", each: 8, seed: 1);
        WritePictures("test", each: 5, seed: 2);
        Recipe = _folder.Write("recipe.json", JsonSerializer.Serialize(new
        {
            model = new { name = "tiny", weights = Backbone, normalize = "imagenet", config = JsonDocument.Parse(Sizes.ToJson()).RootElement },
            tuning = new { method = "adaptformer", bottleneck = 4 },
            data = new { kind = "folder", train = this["train"], test = this["test"], validation_fraction = 0.25, transform = new { crop = "center", flip = true, eval_resize = 16 } },
            epochs = 3,
            batch = 6,
            precision = "float32",
            optimizer = new { name = "sgd", lr = 0.1 },
        }));
    }

    public string Backbone { get; }

    public string Recipe { get; }

    public string this[string relative] => _folder[relative];

    /// <summary>Writes another backbone of the same or of other sizes.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="seed">Names its random weights.</param>
    /// <param name="embedDim">C.</param>
    /// <param name="classes">K of its own classifier; 0 for none.</param>
    /// <param name="told">Whether the file says its sizes, for commands that no recipe tells them.</param>
    public string SaveBackbone(string name, int seed, int embedDim = 16, int classes = 0, bool told = false)
    {
        using VisionTransformer model = new("tiny", Sizes with { EmbedDim = embedDim });
        if (classes > 0) model.ReplaceHead(new Head(HeadKind.Plain, model.NumFeatures, classes, new Rng(seed)));
        TinyBackbone.Randomize(model, seed, _ => true);
        CheckpointConverter.Save(this[name], StateDict.Of(model), new WeightsCard(Preprocessing.ImageNet(16), Config: told ? model.Config : null));
        return this[name];
    }

    /// <summary>Writes class folders below <paramref name="part"/>: pictures that differ between classes, and a little within one.</summary>
    public void WritePictures(string part, int each, int seed)
    {
        Rng rng = new(seed);
        foreach (string label in Labels)
        {
            Directory.CreateDirectory(this[Path.Combine(part, label)]);
            for (int i = 0; i < each; i++)
            {
                using ImageBuffer image = new(20, 16);
                for (int p = 0; p < image.Pixels.Length; p++)
                {
                    int noise = rng.NextInt(60), column = p / 3 % 20;
                    image.Pixels[p] = (byte)(noise + (label == "dark" ? 0 : label == "bright" || column % 4 < 2 ? 190 : 20));
                }

                PngWriter.Save(this[Path.Combine(part, label, $"{i}.png")], image);
            }
        }
    }

    public string Write(string relative, byte[] content) => _folder.Write(relative, content);

    public string Write(string relative, string content) => _folder.Write(relative, content);

    public void Dispose() => _folder.Dispose();
}
