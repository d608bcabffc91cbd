using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using AdaptFormer.Data.Loading;
using AdaptFormer.Data.Synthetic;
using AdaptFormer.Data.Transforms;
using AdaptFormer.Tensors;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class MultiLabelDataTests
{
    [Theory]
    [InlineData("list.csv", "path,label\na.png,dog|cat\nb.png,cat\n")]
    [InlineData("list.csv", "path,labels\na.png,cat | dog | dog\nb.png,cat\nc.png,\n")]
    [InlineData("list.jsonl", "{\"path\": \"a.png\", \"labels\": [\"dog\", \"cat\"]}\n{\"path\": \"b.png\", \"labels\": \"cat\"}\n")]
    public void A_manifest_gives_a_picture_several_labels(string name, string text)
    {
        using TempFolder folder = new();
        LabelledDataset data = DatasetSource.Open(folder.Write(name, text));
        Assert.True(data.MultiLabel);
        Assert.Equal(["cat", "dog"], data.ClassNames);
        Assert.Equal([0, 1], data.Labels(0));
        Assert.Equal([0], data.Labels(1));
        Assert.Equal([2, 1], data.CountPerClass());
        if (data.Count == 3) Assert.Equal((0, -1), (data.Labels(2).Count, data.Label(2)));
    }

    [Fact]
    public void Numbers_and_given_classes_are_labels_too_and_a_wrong_one_is_named()
    {
        using TempFolder folder = new();
        string path = folder.Write("list.csv", "a.png,2|0\nb.png,1\n");
        Assert.Equal(["0", "1", "2"], ManifestDataset.Open(path).ClassNames);
        Assert.Equal([0, 2], ManifestDataset.Open(path, ["x", "y", "z"]).Labels(0));
        string message = Assert.Throws<InvalidDataException>(() => ManifestDataset.Open(folder.Write("bad.csv", "a.png,cat\nb.png,cat|fish\n"), ["cat", "dog"])).Message;
        Assert.Contains("line 2: 'fish' is none of the 2 classes", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batches_carry_targets_and_splits_keep_the_labels()
    {
        SyntheticScenes scenes = new(60, seed: 3, side: 16);
        (SubsetDataset kept, SubsetDataset aside) = DatasetSplits.Stratified(scenes, 0.25, seed: 1);
        Assert.Equal(60, kept.Count + aside.Count);
        Assert.True(aside.MultiLabel);
        using DataLoader loader = new(aside, ImageTransform.ForEvaluation(new TransformOptions(16, EvalResize: 0)), new LoaderOptions(4, Shuffle: false, Workers: 2));
        foreach (Batch loaded in loader.Epoch(0))
        {
            using Batch batch = loaded;
            Assert.Equal(batch.Count * 8, batch.Targets.Length);
            for (int i = 0; i < batch.Count; i++)
            {
                int[] labels = [.. Enumerable.Range(0, 8).Where(k => batch.Targets[(i * 8) + k] == 1)];
                Assert.Equal(aside.Labels(batch.Indices[i]), labels);
                Assert.Equal(labels.Length, batch.Targets.Slice(i * 8, 8).ToArray().Sum());
                Assert.Equal(0, batch.Labels[i]);
            }
        }
    }

    [Fact]
    public void Scenes_depend_on_seed_and_index_alone_and_rare_shapes_are_rare()
    {
        SyntheticScenes scenes = new(4000, seed: 5), again = new(4000, seed: 5);
        int[] counts = scenes.CountPerClass();
        Assert.True(counts[0] > 3 * counts[7], string.Join(' ', counts));
        Assert.Contains(Enumerable.Range(0, 4000), i => scenes.Labels(i).Count == 0);
        Assert.Contains(Enumerable.Range(0, 4000), i => scenes.Labels(i).Count == 3);
        using ImageBuffer first = new(), second = new();
        scenes.Load(17, first);
        again.Load(17, second);
        Assert.True(first.Pixels.SequenceEqual(second.Pixels));
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal(scenes.Labels(i), scenes.Labels(i).Distinct().Order()));
    }

    [Fact]
    public void Balanced_draws_make_classes_equally_frequent_and_repeat_for_a_seed()
    {
        SkewedDataset skewed = new(400);
        ItemSamples samples = new(skewed, ImageTransform.ForEvaluation(new TransformOptions(16, EvalResize: 0)));
        using DataLoader loader = new(samples, new LoaderOptions(8, Balanced: true, Seed: 4));
        int[] drawn = [.. Enumerable.Range(1, 50).SelectMany(loader.Order)];
        double rare = drawn.Count(i => skewed.Label(i) == 1) / (double)drawn.Length;
        Assert.InRange(rare, 0.48, 0.52);                // 20,000 draws: 0.02 is more than five deviations
        Assert.Equal(loader.Order(7), loader.Order(7));
        Assert.NotEqual(loader.Order(7), loader.Order(8));
        Assert.All(drawn, i => Assert.InRange(i, 0, 399));
    }

    /// <summary>One picture in twenty is of class 1.</summary>
    private sealed class SkewedDataset(int count) : ImageDataset
    {
        public override string Name => "skewed";

        public override int Count => count;

        public override IReadOnlyList<string> ClassNames { get; } = ["often", "rare"];

        public override int Label(int index) => index % 20 == 0 ? 1 : 0;

        public override string Source(int index) => $"{index}";

        public override void Load(int index, ImageBuffer into) => into.Reset(16, 16);
    }
}
