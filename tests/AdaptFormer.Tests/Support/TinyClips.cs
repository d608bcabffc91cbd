using System.Text.Json;
using AdaptFormer.Models.Vit;
using AdaptFormer.Tests.Data;

namespace AdaptFormer.Tests.Support;

/// <summary>Everything that a small training on clips needs: folders of frames, dark and bright, lists of them, and a recipe of a model of two blocks from random numbers.</summary>
public sealed class TinyClips : IDisposable
{
    private readonly TempFolder _folder = new();

    public TinyClips()
    {
        foreach ((string part, int each) in new[] { ("train", 6), ("test", 3) })
        {
            List<string> lines = ["clip,class"];
            foreach ((string name, int gray) in new[] { ("dark", 20), ("bright", 200) })
            {
                for (int i = 0; i < each; i++)
                {
                    for (int t = 0; t < 6; t++) _folder.WritePng($"{part}/{name}{i}/{t}.png", (byte)(gray + (5 * t) + i), 20, 16);
                    lines.Add($"{name}{i},{name}");
                }
            }

            _folder.Write($"{part}/list.csv", string.Join('\n', lines));
        }

        VideoVitConfig sizes = new(4, 16, 16, 2, 8, EmbedDim: 16, Depth: 2, NumHeads: 2, MlpRatio: 2);
        Recipe = _folder.Write("recipe.json", JsonSerializer.Serialize(new
        {
            model = new { name = "tiny", weights = (string?)null, normalize = "imagenet", config = JsonDocument.Parse(sizes.ToJson()).RootElement },
            tuning = new { method = "full" },
            data = new { kind = "clip-csv", train = _folder["train/list.csv"], test = _folder["test/list.csv"] },
            epochs = 6,
            batch = 6,
            precision = "float32",
            optimizer = new { name = "adamw", base_lr = 0.2 },
        }));
    }

    public string Recipe { get; }

    public string this[string relative] => _folder[relative];

    public string Write(string relative, string content) => _folder.Write(relative, content);

    public void Dispose() => _folder.Dispose();
}
