"""What grades chapter 12."""

from __future__ import annotations

from deconv_grader.checks.writing import check

# confusion_matrix


@check("confusion_matrix", "TODO: a case that you can work out by hand", weight=2)
def test_confusion_matrix_by_hand(learner):
    raise NotImplementedError  # learner.confusion_matrix.gives(expected, x)


@check("confusion_matrix", "TODO: any ...", hidden=True)
def test_confusion_matrix_drawn(learner):
    raise NotImplementedError  # learner.confusion_matrix.gives(reference.confusion_matrix(x), x), x drawn by @given


@check("confusion_matrix", "refuses TODO")
def test_confusion_matrix_refuses(learner):
    raise NotImplementedError  # learner.confusion_matrix.raises(ValueError, x)


# mean_iou


@check("mean_iou", "TODO: a case that you can work out by hand", weight=2)
def test_mean_iou_by_hand(learner):
    raise NotImplementedError  # learner.mean_iou.gives(expected, x)


@check("mean_iou", "TODO: any ...", hidden=True)
def test_mean_iou_drawn(learner):
    raise NotImplementedError  # learner.mean_iou.gives(reference.mean_iou(x), x), x drawn by @given


@check("mean_iou", "refuses TODO")
def test_mean_iou_refuses(learner):
    raise NotImplementedError  # learner.mean_iou.raises(ValueError, x)


# fill_bilinear_


@check("fill_bilinear_", "TODO: a case that you can work out by hand", weight=2)
def test_fill_bilinear__by_hand(learner):
    raise NotImplementedError  # learner.fill_bilinear_.gives(expected, x)


@check("fill_bilinear_", "TODO: any ...", hidden=True)
def test_fill_bilinear__drawn(learner):
    raise NotImplementedError  # learner.fill_bilinear_.gives(reference.fill_bilinear_(x), x), x drawn by @given


@check("fill_bilinear_", "refuses TODO")
def test_fill_bilinear__refuses(learner):
    raise NotImplementedError  # learner.fill_bilinear_.raises(ValueError, x)


# FCN8s


@check("FCN8s", "TODO: a case that you can work out by hand", weight=2)
def test_fcn8s_by_hand(learner):
    raise NotImplementedError  # learner.FCN8s.gives(expected, x)


@check("FCN8s", "TODO: any ...", hidden=True)
def test_fcn8s_drawn(learner):
    raise NotImplementedError  # learner.FCN8s.gives(reference.FCN8s(x), x), x drawn by @given


@check("FCN8s", "refuses TODO")
def test_fcn8s_refuses(learner):
    raise NotImplementedError  # learner.FCN8s.raises(ValueError, x)


# NohDeconvNet


@check("NohDeconvNet", "TODO: a case that you can work out by hand", weight=2)
def test_nohdeconvnet_by_hand(learner):
    raise NotImplementedError  # learner.NohDeconvNet.gives(expected, x)


@check("NohDeconvNet", "TODO: any ...", hidden=True)
def test_nohdeconvnet_drawn(learner):
    raise NotImplementedError  # learner.NohDeconvNet.gives(reference.NohDeconvNet(x), x), x drawn by @given


@check("NohDeconvNet", "refuses TODO")
def test_nohdeconvnet_refuses(learner):
    raise NotImplementedError  # learner.NohDeconvNet.raises(ValueError, x)


# SegNet


@check("SegNet", "TODO: a case that you can work out by hand", weight=2)
def test_segnet_by_hand(learner):
    raise NotImplementedError  # learner.SegNet.gives(expected, x)


@check("SegNet", "TODO: any ...", hidden=True)
def test_segnet_drawn(learner):
    raise NotImplementedError  # learner.SegNet.gives(reference.SegNet(x), x), x drawn by @given


@check("SegNet", "refuses TODO")
def test_segnet_refuses(learner):
    raise NotImplementedError  # learner.SegNet.raises(ValueError, x)


# UNet


@check("UNet", "TODO: a case that you can work out by hand", weight=2)
def test_unet_by_hand(learner):
    raise NotImplementedError  # learner.UNet.gives(expected, x)


@check("UNet", "TODO: any ...", hidden=True)
def test_unet_drawn(learner):
    raise NotImplementedError  # learner.UNet.gives(reference.UNet(x), x), x drawn by @given


@check("UNet", "refuses TODO")
def test_unet_refuses(learner):
    raise NotImplementedError  # learner.UNet.raises(ValueError, x)
