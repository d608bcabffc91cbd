using System.Text;
using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Tests.Support;
using Xunit;

namespace AdaptFormer.Tests.Data;

/// <summary>Damaged lists and annotations of every data set: each is read, or refused by name.</summary>
public sealed class ListFuzzTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("food101:.", "meta/classes.txt", "a\nb\n", "meta/train.txt", "a/1\nb/2\n")]
    [InlineData("csv:train.csv", "train.csv", "path,label\na/1.jpg,cat\n\"b,c/2.jpg\",dog\n", "unused", "")]
    [InlineData("csv:train.txt", "train.txt", "a/1.avi 0\nb/1.avi 1\n", "unused", "")]
    [InlineData("csv:train.csv", "train.csv", "image;x;y\na/1.avi;1;0\nb/1.avi;1;1\n", "unused", "")]
    [InlineData("jsonl:train.jsonl", "train.jsonl", "{\"file_name\": \"a/1.jpg\", \"label\": \"x\"}\n{\"file_name\": \"b/2.jpg\", \"label\": 3}\n", "unused", "")]
    [InlineData("imagenet:.", "val.txt", "n1_1.JPEG 0\nn1_2.JPEG 1\n", "LOC_synset_mapping.txt", "n00000001 a, b\nn00000002 c\n")]
    [InlineData("imagenet:.", "LOC_val_solution.csv", "ImageId,PredictionString\nn1_1,n00000001 1 2 3 4\nn1_2,n00000002 1 2 3 4\n", "unused", "")]
    [InlineData("vtab:.", "train800val200.txt", "a/1.png 0\nb/2.png 1\n", "test.txt", "a/1.png 1\n")]
    [InlineData("nus-wide:.", "ImageList/TrainImagelist.txt", "a\\1.jpg\nb\\2.jpg\n", "Groundtruth/TrainTestLabels/Labels_sky_Train.txt", "0\n1\n")]
    [InlineData("nus-wide:.", "nus_wid_data.csv", "filepath,label,split_name\na/1.jpg,\"['sky', 'sea']\",train\na/2.jpg,['sea'],val\n", "unused", "")]
    [InlineData("ssv2:.", "something-something-v2-labels.json", "{\"Doing something\":\"0\",\"Eating something\":\"1\"}",
        "something-something-v2-train.json", "[\n{\"id\":\"1\",\"template\":\"Doing [something]\",\"placeholders\":[\"x\"]},\n{\"id\":\"2\",\"template\":\"Eating [something]\"}\n]")]
    [InlineData("hmdb51:.", "splits/a_test_split1.txt", "1.avi 1 \n2.avi 2 \n", "splits/b_test_split1.txt", "1.avi 1 \n2.avi 2 \n")]
    [InlineData("ucf101:.", "classInd.txt", "1 a\n2 b\n", "trainlist01.txt", "a/1.avi 1\nb/1.avi 2\n")]
    [InlineData("kinetics:.", "train.csv", "label,youtube_id,time_start,time_end,split\n\"a\",aaaaaaaaaaa,0,10,train\nb,bbbbbbbbbbb,2,12,train\n", "unused", "")]
    [InlineData("clip-csv:train.csv", "train.csv", "clip,labels\na/1,x|y\n\"b/1\",z\n", "unused", "")]
    [InlineData("clip-jsonl:train.jsonl", "train.jsonl", "{\"clip\": \"a/1\", \"labels\": [\"x\", \"y\"]}\n{\"clip\": \"b/1\", \"label\": 2}\n", "unused", "")]
    [InlineData("clip-list:train.txt", "train.txt", "a/1 0\nb/1.avi 1\n", "unused", "")]
    [InlineData("frame-list:train.txt", "train.txt", "a/1 1 3 0\nb/1 3 1\n", "unused", "")]
    public void A_spoilt_list_is_read_or_refused_by_name_and_never_breaks_the_reader(string spec, string first, string firstText, string second, string secondText)
    {
        using TempFolder folder = new();
        bool train = !spec.StartsWith("imagenet", StringComparison.Ordinal);
        string[] files = train ? ["a/1.avi", "b/1.avi", "1.webm", "aaaaaaaaaaa.mp4"] : ["train/n00000001/1.JPEG", "train/n00000002/1.JPEG", "val/n1_1.JPEG", "val/n1_2.JPEG"];
        foreach (string file in files) folder.Write(file, "");
        string full = spec.Replace(":.", $":{folder.Path}", StringComparison.Ordinal).Replace(":train", $":{folder["train"]}", StringComparison.Ordinal);
        folder.Write(first, firstText);
        folder.Write(second, secondText);
        Assert.True(Open(full, train) > 0);      // sound as it is
        byte[][] sound = [Encoding.UTF8.GetBytes(firstText), Encoding.UTF8.GetBytes(secondText)];
        int which = 0;
        Fuzz fuzz = new($"list {spec} {first}", output) { Few = 40, Named = folder.Path, Refuses = error => error is InvalidDataException or IOException };
        fuzz.Run(rng => ByteDamage.Some(sound[which = secondText.Length > 0 ? rng.NextInt(2) : 0], rng, start: int.MaxValue), bytes =>
        {
            folder.Write(first, which == 0 ? bytes : sound[0]);
            folder.Write(second, which == 1 ? bytes : sound[1]);
            Open(full, train);
        });
    }

    private static int Open(string spec, bool train)
    {
        LabelledDataset data = DatasetSource.MeansClips(spec) ? Clips.Open(spec) : DatasetSource.Open(spec, train);
        for (int i = 0; i < data.Count; i++)
        {
            Assert.All(data.Labels(i), label => Assert.InRange(label, 0, data.ClassNames.Count - 1));
            Assert.NotEmpty(data.Source(i));
        }

        return data.Count;
    }
}
