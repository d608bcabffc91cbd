using AdaptFormer.Data;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Images;
using Xunit;

namespace AdaptFormer.Tests.Data.Video;

public sealed class ClipSourceTests
{
    [Theory]
    [InlineData("list.csv", "clip,label,class\nx/a.mp4,1,run\nb,0,jump\n")]
    [InlineData("list.csv", "x/a.mp4,run\nb,jump\n")]
    [InlineData("list.jsonl", "{\"video\": \"x/a.mp4\", \"label\": \"run\"}\n{\"video\": \"b\", \"label\": \"jump\"}\n")]
    [InlineData("clip-list:list.txt", "x/a.mp4 run\nb jump\n")]
    public void A_list_names_clips_and_their_classes(string name, string text)
    {
        using TempFolder folder = Videos();
        string[] parts = name.Split(':');
        string file = folder.Write(parts[^1], text);
        LabelledDataset clips = Clips.Open(parts.Length == 1 ? file : $"{parts[0]}:{file}");
        Assert.IsType<VideoFileDataset>(clips);
        Assert.Equal(["jump", "run"], clips.ClassNames);
        Assert.Equal([1, 0], Enumerable.Range(0, clips.Count).Select(clips.Label));
        Assert.Equal(folder["b.webm"], clips.FileOf(1));
        Assert.Equal(["x", "jump", "run"], Clips.Open(parts.Length == 1 ? file : $"{parts[0]}:{file}", classNames: ["x", "jump", "run"]).ClassNames);
    }

    [Theory]
    [InlineData("list.csv", "clip,labels\nx/a.mp4,run|jump\nb,\n")]
    [InlineData("list.jsonl", "{\"clip\": \"x/a.mp4\", \"labels\": [\"run\", \"jump\"]}\n{\"clip\": \"b\", \"labels\": []}\n")]
    public void A_manifest_gives_a_clip_several_labels(string name, string text)
    {
        using TempFolder folder = Videos();
        LabelledDataset clips = Clips.Open(folder.Write(name, text));
        Assert.True(clips.MultiLabel);
        Assert.Equal([0, 1], clips.Labels(0));
        Assert.Empty(clips.Labels(1));
        Assert.Equal((0, -1), (clips.Label(0), clips.Label(1)));
        Assert.Equal([1, 1], clips.CountPerClass());
    }

    [Fact]
    public void A_list_s_clips_may_lie_elsewhere()
    {
        using TempFolder folder = Videos();
        string list = folder.Write("lists/train.csv", "a.mp4 0\n");
        Assert.Contains("data.clip.root in a recipe", Assert.Throws<FileNotFoundException>(() => Clips.Open("clip-list:" + list)).Message);
        Assert.Equal(folder[Path.Combine("x", "a.mp4")], Clips.Open("clip-list:" + list, root: folder["x"]).FileOf(0));
    }

    [Theory]
    [InlineData("b 0\nf 1\n", "f is a folder and not a video")]
    [InlineData("f 0\nb 1\n", "b.webm is a file and not a folder of frames")]
    public void A_list_of_videos_and_folders_of_frames_is_refused_by_its_right_name(string text, string reason)
    {
        using TempFolder folder = Videos();
        LabelledDataset clips = Clips.Open("clip-list:" + folder.Write("list.txt", text));
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => clips.FrameCount(1)).Message);
    }

    [Theory]
    [InlineData("clip-csv", "clip,label\nb,0\n../a.mp4,0\n", "line 3: '../a.mp4' leads out")]
    [InlineData("clip-csv", "clip,split\nb,0\n", "lacks a label column")]
    [InlineData("clip-csv", "clip,label\nb\n", "line 2: 1 field,")]
    [InlineData("clip-csv", "clip,label\n", "lists no clips")]
    [InlineData("clip-jsonl", "{\"clip\": \"b\"}\n", "line 1: none of the keys")]
    [InlineData("clip-list", "b 0\nb\n", "line 2: 'b' is not a path")]
    [InlineData("clip-list", "b 0\n../a 0\n", "line 2: '../a' leads out")]
    [InlineData("frame-list", "f 1 3 0\nf 3\n", "line 2: 'f' is not a path, a blank and a label")]
    [InlineData("frame-list", "f 1 x 0\n", "line 1: 'x' is not a number of frames")]
    [InlineData("frame-list", "f 3 2 0\n", "line 1: frames 3 to 2; they are counted from 1")]
    [InlineData("frame-list", "f 0 0\n", "line 1: frames 1 to 0")]
    [InlineData("frame-list", "../f 1 2 0\n", "line 1: '../f' leads out")]
    public void Bad_lines_are_named(string kind, string text, string reason)
    {
        using TempFolder folder = Videos();
        string path = folder.Write(kind == "clip-jsonl" ? "list.jsonl" : "list", text);
        string message = Assert.Throws<InvalidDataException>(() => Clips.Open($"{kind}:{path}")).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void A_label_that_training_lacks_is_named()
    {
        using TempFolder folder = Videos();
        string path = folder.Write("list.csv", "b,0\nx/a.mp4,3\n");
        Assert.Contains($"{path}, line 2: label 3 is out of range; there are at most 2 classes", Assert.Throws<InvalidDataException>(() => Clips.Open(path, classNames: ["jump", "run"])).Message);
    }

    [Fact]
    public void A_frame_list_gives_first_and_last_frame_or_their_number()
    {
        using TempFolder folder = new();
        for (byte t = 1; t <= 5; t++) folder.WritePng($"a clip/img_{t:00000}.png", t);
        string list = folder.Write("annotations.txt", "a clip 2 4 1\na clip 3 0\na clip 2 9 0\n");
        LabelledDataset clips = Clips.Open("frame-list:" + list);
        Assert.Equal([1, 0, 0], Enumerable.Range(0, 3).Select(clips.Label));
        Assert.Equal([3, 3], Enumerable.Range(0, 2).Select(clips.FrameCount));
        using ClipBuffer clip = new();
        clips.Load(0, [0, 2], clip);
        Assert.Equal((2, 4), (clip[0].Pixels[0], clip[1].Pixels[0]));
        Assert.EndsWith("(frames 2 to 4)", clips.Source(0));
        Assert.Contains("it has 5", Assert.Throws<InvalidDataException>(() => clips.FrameCount(2)).Message);
    }

    [Fact]
    public void A_folder_per_class_is_divided_by_its_parts()
    {
        using TempFolder folder = new();
        foreach (string file in new[] { "train/run/1.mp4", "train/sit/deep/2.avi", "val/run/3.mkv", "val/sit/4.webm" }) folder.Write(file, "");
        Assert.True(DatasetSource.MeansClips(folder.Path));
        IReadOnlyList<(string Part, LabelledDataset Data)> parts = DatasetSource.OpenParts(folder.Path);
        Assert.Equal(["train", "validation"], parts.Select(part => part.Part));
        Assert.All(parts, part => Assert.Equal([0, 1], Enumerable.Range(0, 2).Select(part.Data.Label)));
        Assert.Equal("3.mkv", Path.GetFileName(parts[1].Data.Source(0)));
        Directory.CreateDirectory(folder["train/empty"]);
        Assert.Contains("no clips in class folder empty", Assert.Throws<InvalidDataException>(() => Clips.Open(folder.Path)).Message);
        Assert.Contains("kind 'folder' is not one of clips", Assert.Throws<ArgumentException>(() => Clips.Open("folder:x")).Message);
    }

    [Fact]
    public void A_class_may_have_folders_of_frames_but_not_beside_classes_of_videos()
    {
        using TempFolder folder = new();
        foreach (string frame in new[] { "run/1/0.png", "run/1/1.png", "sit/deep/2/0.png" }) folder.WritePng(frame, 1);
        LabelledDataset clips = Clips.Open("clips:" + folder.Path);
        Assert.Equal([2, 1], Enumerable.Range(0, 2).Select(clips.FrameCount));
        Assert.Equal([0, 1], Enumerable.Range(0, 2).Select(clips.Label));
        folder.Write("walk/1.mp4", "");
        Assert.Contains("run has folders of frames and walk videos", Assert.Throws<InvalidDataException>(() => Clips.Open("clips:" + folder.Path)).Message);
        Assert.Contains("found no folders", Assert.Throws<InvalidDataException>(() => Clips.Open("clips:" + folder["run/1"])).Message);
        Assert.Contains("nowhere", Assert.Throws<DirectoryNotFoundException>(() => Clips.Open("clips:nowhere")).Message);
    }

    [Fact]
    public void Every_container_of_one_clip_is_read_alike()
    {
        FFmpegTests.RequireFFmpeg();
        string folder = SharedData.Require("video/format_variants");
        string[] files = [.. Directory.EnumerateFiles(folder).Where(VideoFileDataset.IsVideo).Order(StringComparer.Ordinal)];
        Assert.Equal(7, files.Length);
        using TempFolder list = new();
        LabelledDataset clips = Clips.Open(list.Write("list.csv", string.Join('\n', files.Select(file => $"{Path.GetFileNameWithoutExtension(file)},walk"))), root: folder);
        using ClipBuffer clip = new();
        for (int i = 0; i < clips.Count; i++)
        {
            int frames = clips.FrameCount(i);
            Assert.True(frames >= 16, clips.Source(i));
            clips.Load(i, [0, frames - 1], clip);
            Assert.Equal(4.0 / 3, (double)clip[0].Width / clip[0].Height, 0.02);
        }
    }

    [Fact]
    public void The_frame_folder_demo_is_read_by_its_annotations()
    {
        string list = SharedData.Require("video/frame_folder_demo/annotations.txt");
        LabelledDataset clips = Clips.Open("frame-list:" + list);
        Assert.Equal([17, 18, 15, 15], Enumerable.Range(0, clips.Count).Select(clips.FrameCount));
        Assert.Equal([0, 0, 1, 1], Enumerable.Range(0, clips.Count).Select(clips.Label));
    }

    private static TempFolder Videos()
    {
        TempFolder folder = new();
        folder.Write("x/a.mp4", "");
        folder.Write("b.webm", "");
        folder.WritePng("f/1.png", 1);
        return folder;
    }
}
