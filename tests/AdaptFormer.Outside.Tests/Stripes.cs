using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;

namespace AdaptFormer.Outside.Tests;

/// <summary>A kind of data, <c>stripes:COUNT</c>: pictures of dark and bright stripes that run across or down.</summary>
internal sealed class Stripes(int count, bool train) : ImageDataset
{
    private const int Side = 16, Width = 4;

    public static LabelledDataset Open(string path, bool train) => int.TryParse(path, out int count) && count > 0
        ? new Stripes(count, train)
        : throw new ArgumentException($"Data 'stripes:{path}': expected a number of pictures.");

    public override string Name => $"{count} pictures of stripes";

    public override int Count => count;

    public override IReadOnlyList<string> ClassNames => ["across", "down"];

    public override int Label(int index) => index % 2;

    public override string Source(int index) => $"stripes {index}";

    public override bool IsThere(int index) => true;

    public override void Load(int index, ImageBuffer into)
    {
        into.Reset(Side, Side);
        int shift = (index / 2 * 3) + (train ? 0 : 1);
        for (int y = 0; y < Side; y++)
        {
            Span<byte> row = into.Row(y);
            for (int x = 0; x < Side; x++)
                row.Slice(3 * x, 3).Fill((((Label(index) == 0 ? y : x) + shift) / Width % 2) == 0 ? (byte)40 : (byte)200);
        }
    }
}
