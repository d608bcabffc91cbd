using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using Xunit;

namespace AdaptFormer.Tests.Data;

public sealed class SplitFoldersTests
{
    [Fact]
    public void A_folder_of_train_valid_and_test_has_the_classes_of_its_parts()
    {
        IReadOnlyList<(string Part, LabelledDataset Data)> parts = DatasetSource.OpenParts(Inputs.At("valid-split"));
        Assert.Equal([("train", 8), ("validation", 4), ("test", 4)], parts.Select(part => (part.Part, part.Data.Count)));
        Assert.All(parts, part => Assert.Equal(["cat", "dog"], part.Data.ClassNames));
        Assert.Equal(8, DatasetSource.Open(Inputs.At("valid-split")).Count);
        Assert.Equal(4, DatasetSource.Open("folder:" + Inputs.At("valid-split"), train: false).Count);
    }

    [Theory]
    [InlineData("train", "train")]
    [InlineData("Training", "train")]
    [InlineData("TRAIN", "train")]
    [InlineData("training_set", "train")]
    [InlineData("train-images", "train")]
    [InlineData("val", "validation")]
    [InlineData("Valid", "validation")]
    [InlineData("validation", "validation")]
    [InlineData("dev", "validation")]
    [InlineData("Test", "test")]
    [InlineData("testing", "test")]
    [InlineData("eval", "test")]
    [InlineData("trainer", null)]
    [InlineData("cat", null)]
    public void Usual_names_are_known_in_any_case(string name, string? part) => Assert.Equal(part, SplitFolders.PartOf(name));

    [Theory]
    [InlineData("Train", "Validation")]
    [InlineData("training", "eval")]
    public void Pictures_and_clips_are_divided_alike(string train, string test)
    {
        using TempFolder folder = new();
        foreach (string part in new[] { train, test })
        {
            foreach (string name in new[] { "a", "b" })
            {
                folder.WritePng($"pictures/{part}/{name}/1.png", 1);
                folder.WritePng($"frames/{part}/{name}/clip/1.png", 1);
                folder.Write($"videos/{part}/{name}/1.mp4", "");
            }
        }

        Assert.EndsWith(Path.Combine(test, "a", "1.png"), DatasetSource.Open(folder["pictures"], train: false).Source(0));
        foreach (string clips in new[] { "frames", "videos" })
        {
            LabelledDataset scored = Clips.Open("clips:" + folder[clips], train: false);
            Assert.Equal(["a", "b"], scored.ClassNames);
            Assert.Contains(Path.Combine(clips, test, "a"), scored.Source(0));
            Assert.Contains(Path.Combine(clips, train, "a"), Clips.Open("clips:" + folder[clips]).Source(0));
        }
    }

    [Fact]
    public void Parts_beside_classes_are_refused_and_named()
    {
        using TempFolder folder = new();
        foreach (string file in new[] { "train/a/1.png", "valid/a/1.png", "cat/1.png" }) folder.WritePng(file, 1);
        string message = Assert.Throws<InvalidDataException>(() => DatasetSource.Open(folder.Path)).Message;
        Assert.Contains("train, valid looks like a part", message);
        Assert.Contains("cat beside it", message);
    }

    [Fact]
    public void Two_names_of_one_part_are_refused()
    {
        using TempFolder folder = new();
        foreach (string file in new[] { "train/a/1.png", "val/a/1.png", "dev/a/1.png" }) folder.WritePng(file, 1);
        Assert.Contains("dev, val are all the validation part", Assert.Throws<InvalidDataException>(() => DatasetSource.Open(folder.Path, train: false)).Message);
    }

    [Fact]
    public void A_class_may_be_called_train()
    {
        using TempFolder folder = new();
        foreach (string file in new[] { "car/1.png", "train/1.png", "bus/1.png" }) folder.WritePng(file, 1);
        Assert.Equal(["bus", "car", "train"], DatasetSource.Open(folder.Path).ClassNames);
        foreach (string file in new[] { "car/x/1.png", "train/x/1.png" }) folder.WritePng("clips/" + file, 1);
        Assert.Equal(["car", "train"], Clips.Open("clips:" + folder["clips"]).ClassNames);
    }

    [Fact]
    public void A_missing_part_is_named()
    {
        using TempFolder folder = new();
        foreach (string file in new[] { "valid/a/1.png", "test/a/1.png" }) folder.WritePng(file, 1);
        Assert.Contains("the parts valid, test and none to train on", Assert.Throws<InvalidDataException>(() => DatasetSource.Open(folder.Path)).Message);
    }
}
