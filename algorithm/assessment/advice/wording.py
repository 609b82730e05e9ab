"""The names of kinds, figures and sections: (English, Chinese)."""

from __future__ import annotations

from collections.abc import Iterable

from algorithm.assessment.errors.error_costs import ALL_FALSE, ALL_MISSED, MISSED
from algorithm.assessment.errors.error_kinds import (
    BACKGROUND,
    BOTH,
    CLASS,
    DUPLICATE,
    POSITION,
    SHARED,
)
from algorithm.assessment.errors.label_suspects import LOOSE, OTHER_CLASS, UNLABELLED
from algorithm.assessment.masks.mask_analysis import GRID
from algorithm.assessment.masks.mask_fits import CUT, LEAK, MISSED_PART, SPILL

LANGUAGES = ("en-us", "zh-cn")
FALSE_NAMES = {
    CLASS: ("wrong class", "类别误检"),
    POSITION: ("wrong place", "位置误检"),
    BOTH: ("wrong class and place", "类别与位置误检"),
    DUPLICATE: ("duplicate", "重复检测"),
    BACKGROUND: ("background", "背景误检"),
}
MISSED_NAMES = {
    CLASS: ("taken for another class", "类别漏检"),
    POSITION: ("detected in the wrong place", "位置漏检"),
    SHARED: ("one detection for two objects", "相邻目标只检测到一个"),
    BACKGROUND: ("nothing detected there", "背景漏检"),
}
COST_NAMES = {
    **FALSE_NAMES,
    MISSED: ("missed objects", "漏检"),
    ALL_FALSE: ("all false detections", "全部误检"),
    ALL_MISSED: ("all missed objects", "全部漏检"),
}
MASK_ERROR_NAMES = {
    LEAK: ("leak onto a neighbour", "漏到相邻目标"),
    SPILL: ("spill onto the background", "溢出到背景"),
    CUT: ("cut off by the box", "被检测框截断"),
    MISSED_PART: ("missed part", "缺失部分"),
}
MASK_COST_NAMES = {**MASK_ERROR_NAMES, GRID: ("grid of the masks", "掩码网格")}
QUALITY_NAMES = {
    "mask_iou": ("mask IoU", "掩码 IoU"),
    "boundary_iou": ("boundary IoU", "边界 IoU"),
}
SIZE_NAMES = {
    "small": ("small objects", "小目标"),
    "medium": ("medium objects", "中目标"),
    "large": ("large objects", "大目标"),
}
SUSPECT_NAMES = {
    UNLABELLED: ("an object without a label?", "可能漏标的目标"),
    OTHER_CLASS: ("another class?", "可能标错的类别"),
    LOOSE: ("a box in the wrong place?", "可能不准的标注框"),
}
METRIC_NAMES = {
    "voc_map": ("mAP at IoU 0.5 (VOC)", "平均精度均值 (IoU 0.5)"),
    "AP": ("AP, IoU 0.5 to 0.95 (COCO)", "AP (IoU 0.5-0.95)"),
    "AP50": ("AP at IoU 0.5", "AP (IoU 0.5)"),
    "AP75": ("AP at IoU 0.75", "AP (IoU 0.75)"),
    "APs": ("AP, small objects", "AP (小目标)"),
    "APm": ("AP, medium objects", "AP (中目标)"),
    "APl": ("AP, large objects", "AP (大目标)"),
    "AR1": ("AR, 1 detection", "AR (1 个检测框)"),
    "AR10": ("AR, 10 detections", "AR (10 个检测框)"),
    "AR100": ("AR, 100 detections", "AR (100 个检测框)"),
    "ARs": ("AR, small objects", "AR (小目标)"),
    "ARm": ("AR, medium objects", "AR (中目标)"),
    "ARl": ("AR, large objects", "AR (大目标)"),
}


def figure_names(figures: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return METRIC_NAMES with a name for AR over more than 100 detections, where there is one."""
    return METRIC_NAMES | {
        key: (f"AR, {key[2:]} detections", f"AR ({key[2:]} 个检测框)")
        for key in figures
        if key not in METRIC_NAMES
    }


def mask_figure_names(figures: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the names of the same figures of masks."""
    return {
        key: (f"masks: {english}", f"掩码 {chinese}")
        for key, (english, chinese) in figure_names(figures).items()
        if key in figures
    }


POINT_NAMES = {
    "confidence_threshold": ("confidence threshold", "置信度阈值"),
    "precision": ("mean precision", "平均精确率"),
    "recall": ("mean recall", "平均召回率"),
    "f1": ("mean F1", "平均 F1 值"),
}
NOTHING_THERE = ("nothing there", "无目标")
NOT_DETECTED = ("not detected", "未检出")
DEVIATION = ("Standard deviation", "标准差")
TITLES = {
    "summary": ("Summary", "评估综述"),
    "advice": ("What to do", "综合评估"),
    "masks": ("Masks", "掩码"),
    "mask_errors": ("What masks lose", "掩码误差分析"),
    "classes": ("Classes", "图像类别分布"),
    "precision_recall": ("Precision and recall", "P-R 曲线"),
    "nms": ("mAP against the NMS threshold", "不同 NMS 阈值下的 mAP"),
    "mean_f1": ("Mean F1 against the confidence threshold", "不同置信度阈值下的平均 F1 值"),
    "false_detections": ("False detections", "误检分析"),
    "missed_objects": ("Missed objects", "漏检分析"),
    "error_costs": ("What each kind of error costs in AP50", "各类错误造成的 AP50 损失"),
    "confusion_matrix": ("Confusion matrix", "混淆矩阵"),
    "calibration": ("Calibration of the scores", "置信度校准"),
    "sensitivity": ("Sensitivity", "敏感度分析"),
    "slices": ("Weakest slices", "召回率最低的子集"),
    "worst_pictures": ("Worst pictures", "错误最多的图片"),
    "label_suspects": ("Labels to look at", "可疑的标注"),
    "custom": ("Other figures", "自定义指标"),
    "comparison": ("Comparison", "对比"),
    "tuning": ("Tuning", "自动调优"),
    "next_job": ("The next job", "下一次训练作业"),
}
DESCRIPTIONS = {
    "summary": ("Figures on the evaluation pictures.", "模型在评估集上的指标。"),
    "masks": (
        "Of detections at the best confidence threshold whose box matches (IoU 0.5) an object with "
        "an outline. Boundary IoU compares bands along the edges, 2 % of the picture's diagonal "
        "wide.",
        "统计最佳置信度阈值下检测框与带轮廓的目标匹配 (IoU 0.5) 的检测。边界 IoU 比较沿边缘的带状"
        "区域, 宽度为图片对角线的 2%。",
    ),
    "mask_errors": (
        "Every pixel that only one of outline and mask has is of one kind, so the lost IoU adds "
        "up. To be gained: how much AP of masks would rise without this kind alone; these do not "
        "add up.",
        "仅属于轮廓或掩码之一的每个像素归入一种误差, 损失的 IoU 可以相加。可提升: 只消除该类误差时"
        "掩码 AP 的提升, 各项不能相加。",
    ),
    "worst_masks": (
        "The worst mask of each picture. White line: the outline. Green: right. Orange: leak onto "
        "a neighbour. Red: spill onto the background. Blue: missed part. Purple: cut off by the "
        "box, which is drawn thin.",
        "每张图片中最差的掩码。白线: 标注轮廓; 绿色: 正确; 橙色: 漏到相邻目标; 红色: 溢出到背景; "
        "蓝色: 缺失部分; 紫色: 被检测框 (细线) 截断。",
    ),
    "classes": ("How many objects each class has.", "各类别的目标框数量。"),
    "precision_recall": (
        "Precision over recall of each class, IoU 0.5.",
        "各类别的精确率与召回率, IoU 为 0.5。",
    ),
    "nms": (
        "AP50 after dropping, within a class, what overlaps a better detection by more than the "
        "threshold; 1.0 is the model as exported.",
        "在类别内去掉与更高分检测框重叠超过阈值的检测框后的 mAP, 1.0 为导出的模型本身。",
    ),
    "mean_f1": (
        "Mean over the classes of F1, by the confidence a detection must have.",
        "不同置信度阈值下各类别 F1 值的平均。",
    ),
    "false_detections": ("At the best confidence threshold.", "在最佳置信度阈值下。"),
    "missed_objects": ("At the best confidence threshold.", "在最佳置信度阈值下。"),
    "error_costs": (
        "How much AP50 would rise if this kind alone were put right; kinds hide each other, so "
        "they do not add up.",
        "只纠正该类错误时 AP50 的提升, 各项之间有重叠, 不能相加。",
    ),
    "confusion_matrix": (
        "Rows are the true classes, columns what was detected. The darker, the larger the share of "
        "its row.",
        "行为真实类别, 列为检测类别。颜色越深, 占该行的比例越大。",
    ),
    "calibration": (
        "Whether detections of score 0.7 are right 7 times in 10.",
        "置信度与实际正确比例是否一致。",
    ),
    "sensitivity": (
        "Recall in five bins of equally many objects, from the lowest to the highest values of a "
        "feature.",
        "按特征值从低到高等量划分为五个区间, 各区间的召回率。",
    ),
    "slices": (
        "Groups of at least 20 objects with properties that lower recall together.",
        "召回率明显偏低的目标子集, 每个子集至少 20 个目标。",
    ),
    "worst_pictures": ("Left the labels, right the detections.", "左侧为标注, 右侧为检测结果。"),
    "label_suspects": (
        "Confident detections that the labels contradict. Some of these labels are wrong.",
        "置信度高而与标注不一致的检测, 其中部分标注可能有误。",
    ),
}
